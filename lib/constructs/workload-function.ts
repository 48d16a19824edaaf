/** A function of the workload: one bundled file on the current runtime, with its own log group. */

import { Duration } from 'aws-cdk-lib';
import type * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import type { Construct } from 'constructs';
import type { Placement } from '../placement.ts';
import { acknowledge, lambdaPolicies } from './acknowledge.ts';
import { clientSecurityGroup } from './client-security-group.ts';
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
      securityGroups: [clientSecurityGroup(scope, `${id}SecurityGroup`, vpc, props.description)],
    }),
  });
  const reason =
    'It lets the function write its logs and join the network, no more; AWS keeps it in step with Lambda.';
  acknowledge(result, { [lambdaPolicies.basic]: reason, ...(vpc && { [lambdaPolicies.vpc]: reason }) });
  return result;
}
