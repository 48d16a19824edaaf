/** Alias records, always for IPv4 and IPv6, always with the target's health. */

import * as route53 from 'aws-cdk-lib/aws-route53';
import { Construct } from 'constructs';

export type AliasProps = Pick<
  route53.RecordSetOptions,
  'zone' | 'geoLocation' | 'failover' | 'healthCheck' | 'setIdentifier'
> & {
  /** Full name of the record. */
  readonly name: string;
  readonly target: route53.IAliasRecordTarget;
};

export class Alias extends Construct {
  constructor(scope: Construct, id: string, { name, target, ...options }: AliasProps) {
    super(scope, id);
    for (const recordType of [route53.RecordType.A, route53.RecordType.AAAA]) {
      new route53.RecordSet(this, recordType, {
        ...options,
        recordType,
        // With a final dot, or the zone's name is appended to a name that does not end in it.
        recordName: `${name}.`,
        target: route53.RecordTarget.fromAlias(target),
      });
    }
  }
}

/** Another record of the same zone. The library's own target leaves its health out of the answer. */
export function recordOf(zone: route53.IHostedZone, dnsName: string): route53.IAliasRecordTarget {
  return { bind: () => ({ dnsName, hostedZoneId: zone.hostedZoneId, evaluateTargetHealth: true }) };
}
