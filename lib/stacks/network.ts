/** A region's network and the bucket that its logs go to. */

import { Stack } from 'aws-cdk-lib';
import type * as ec2 from 'aws-cdk-lib/aws-ec2';
import type { Construct } from 'constructs';
import { LogsBucket } from '../constructs/logs-bucket.ts';
import { refuseDeploy } from '../constructs/refuse-deploy.ts';
import { RegionalVpc } from '../constructs/regional-vpc.ts';
import type { Placement } from '../placement.ts';
import { stackProps } from './stack-props.ts';

export class NetworkStack extends Stack {
  readonly vpc: ec2.Vpc;

  constructor(scope: Construct, id: string, placement: Placement) {
    super(scope, id, stackProps(id, placement, 'Network: dual-stack VPC in three zones, flow logs'));
    RegionalVpc.answerZones(this, placement);
    if (placement.environment.localOnly) refuseDeploy(this);
    const logs = new LogsBucket(this, 'Logs', placement);
    this.vpc = new RegionalVpc(this, 'Vpc', { placement, logs: logs.bucket }).vpc;
  }
}
