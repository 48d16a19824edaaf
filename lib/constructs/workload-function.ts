/** A function of the workload: one bundled file on the current runtime, with its own log group. */

import { Duration } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import type { Construct } from 'constructs';
import type { Placement } from '../placement.ts';
import { acknowledge } from './acknowledge.ts';
import { logGroup } from './log-group.ts';
import { RegionalVpc } from './regional-vpc.ts';

export interface WorkloadFunctionProps {
  readonly placement: Placement;
  readonly description: string;
  /** Folder that holds `index.mjs`. */
  readonly code: string;
  /** A type of contract/variables.ts; a member without a value is left out. */
  readonly variables: object;
  readonly timeoutSeconds: number;
  /** @default 256 */
  readonly memoryMiB?: number;
  /** Only where another region must know it. @default generated */
  readonly functionName?: string;
  /** Network that it runs in, with a security group of its own. @default none */
  readonly vpc?: ec2.IVpc;
}

export function workloadFunction(
  scope: Construct,
  id: string,
  props: WorkloadFunctionProps,
): lambda.Function {
  const { placement, code, variables, timeoutSeconds, memoryMiB = 256, vpc, ...named } = props;
  const result = new lambda.Function(scope, id, {
    ...named,
    runtime: lambda.Runtime.NODEJS_24_X,
    architecture: lambda.Architecture.ARM_64,
    handler: 'index.handler',
    code: lambda.Code.fromAsset(code),
    environment: Object.fromEntries(Object.entries(variables).filter(([, value]) => value !== undefined)),
    timeout: Duration.seconds(timeoutSeconds),
    memorySize: memoryMiB,
    logGroup: logGroup(scope, `${id}Logs`, placement),
    loggingFormat: lambda.LoggingFormat.JSON,
    ...(vpc && {
      vpc,
      vpcSubnets: RegionalVpc.functions,
      securityGroups: [
        new ec2.SecurityGroup(scope, `${id}SecurityGroup`, { vpc, description: props.description }),
      ],
    }),
  });
  acknowledge(result, {
    IAM4: 'The managed policies write logs and join the network, no more; AWS keeps them in step with Lambda.',
  });
  return result;
}
