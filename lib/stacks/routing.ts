/** Which region answers whom: health checks, failover chains, geolocation. All of it exists before a failure. */

import { Stack } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { FailoverChain } from '../constructs/failover-chain.ts';
import { Geolocation } from '../constructs/geolocation.ts';
import { hostedZone } from '../constructs/hosted-zone.ts';
import { RegionHealth } from '../constructs/region-health.ts';
import { type Placement, regionsOf } from '../placement.ts';
import type { Workload } from '../workload.ts';
import { stackProps } from './stack-props.ts';

export interface RoutingStackProps {
  readonly placement: Placement;
  readonly web: Workload['web'];
}

export class RoutingStack extends Stack {
  constructor(scope: Construct, id: string, { placement, web }: RoutingStackProps) {
    super(scope, id, stackProps(id, placement, 'Routing: health checks, failover chains, geolocation'));
    const zone = hostedZone(this, placement);
    const regions = regionsOf(placement);
    const health = new Map(
      regions.map((region) => [
        region,
        new RegionHealth(this, `Health-${region}`, { placement, region, web }).check,
      ]),
    );
    const chains = new Map(
      regions.map((home) => [
        home,
        new FailoverChain(this, `Chain-${home}`, { placement, zone, home, health }),
      ]),
    );
    new Geolocation(this, 'Origin', { placement, zone, chains });
  }
}
