/** Log groups: kept as long as the environment says, gone with their stack. */

import { RemovalPolicy } from 'aws-cdk-lib';
import * as logs from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';
import type { Placement } from '../placement.ts';

/**
 * @param logGroupName only where AWS prescribes it; a name of our own would stop a second stack. @default generated
 */
export function logGroup(
  scope: Construct,
  id: string,
  { environment }: Placement,
  logGroupName?: string,
): logs.LogGroup {
  return new logs.LogGroup(scope, id, {
    logGroupName,
    // Every number of days that CloudWatch knows is a member of the enum with the same value.
    retention: environment.logDays as logs.RetentionDays,
    removalPolicy: RemovalPolicy.DESTROY,
  });
}
