/** A part of the workload that may be let in somewhere: it has a role and stands in the network. */

import type { IConnectable } from 'aws-cdk-lib/aws-ec2';
import type { IGrantable } from 'aws-cdk-lib/aws-iam';
import type { IConstruct } from 'constructs';

export type Part = IGrantable & IConnectable & IConstruct;
