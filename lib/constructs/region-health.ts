/**
 * Whether a region should get traffic. Route 53's checkers ask it for its readiness, and its nearest neighbour whether
 * an operator has drained it.
 */

import { Duration } from 'aws-cdk-lib';
import * as route53 from 'aws-cdk-lib/aws-route53';
import { Construct } from 'constructs';
import { failoverChain } from '../../config/geography.ts';
import type { Placement } from '../placement.ts';
import type { Workload } from '../workload.ts';

/** Two failures at ten seconds' distance: a region is out of traffic after 20 to 30 s and the records' 60 s. */
const pace = { requestInterval: Duration.seconds(10), failureThreshold: 2 };

export interface RegionHealthProps {
  readonly placement: Placement;
  /** The region that is judged. */
  readonly region: string;
  readonly web: Workload['web'];
}

export class RegionHealth extends Construct {
  readonly check: route53.IHealthCheck;

  constructor(scope: Construct, id: string, { placement, region, web }: RegionHealthProps) {
    super(scope, id);
    const { environment, names } = placement;
    const dns = names.dns!;
    const https = { ...pace, type: route53.HealthCheckType.HTTPS, port: 443, enableSNI: true };
    const checks = [
      new route53.HealthCheck(this, 'Ready', {
        ...https,
        fqdn: dns.regionalOrigin(region),
        resourcePath: web.readinessPath,
      }),
    ];
    const [, neighbour] = failoverChain(environment, region);
    if (neighbour) {
      checks.push(
        new route53.HealthCheck(this, 'NotDrained', {
          ...https,
          fqdn: dns.regionalOrigin(neighbour),
          resourcePath: `${web.drainPath}${region}`,
          // 200 means drained. A neighbour that cannot be asked means not drained.
          inverted: true,
        }),
      );
    }
    this.check = new route53.HealthCheck(this, 'Resource', {
      type: route53.HealthCheckType.CALCULATED,
      childHealthChecks: checks,
      healthThreshold: checks.length,
    });
  }
}
