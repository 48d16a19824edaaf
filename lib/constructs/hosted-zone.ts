/** The domain's hosted zone: made outside of this app, known by id and name, so that nothing is looked up. */

import * as route53 from 'aws-cdk-lib/aws-route53';
import type { Construct } from 'constructs';
import type { Placement } from '../placement.ts';

export function hostedZone(scope: Construct, { environment }: Placement): route53.IHostedZone {
  const { hostedZoneId, name: zoneName } = environment.domain!;
  return route53.HostedZone.fromHostedZoneAttributes(scope, 'Zone', { hostedZoneId, zoneName });
}
