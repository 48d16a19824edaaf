/** `origin.<domain>`: one record per mapped geography and a default, each pointing to its home region's chain. */

import * as route53 from 'aws-cdk-lib/aws-route53';
import { Construct } from 'constructs';
import { type Geography, geographies } from '../../config/geography.ts';
import type { Placement } from '../placement.ts';
import { Alias, recordOf } from './alias.ts';
import type { FailoverChain } from './failover-chain.ts';

export interface GeolocationProps {
  readonly placement: Placement;
  readonly zone: route53.IHostedZone;
  /** Chain of every region. */
  readonly chains: ReadonlyMap<string, FailoverChain>;
}

export class Geolocation extends Construct {
  constructor(scope: Construct, id: string, { placement, zone, chains }: GeolocationProps) {
    super(scope, id);
    const { environment, names } = placement;
    for (const geography of geographies(environment)) {
      const chain = chains.get(geography.region)!;
      const setIdentifier = `${geography.kind}-${geography.code === '*' ? 'any' : geography.code}`;
      const records = new Alias(this, setIdentifier, {
        zone,
        name: names.dns!.origin,
        setIdentifier,
        geoLocation: location(geography),
        target: recordOf(zone, chain.entryName),
      });
      records.node.addDependency(chain);
    }
  }
}

function location({ kind, code }: Geography): route53.GeoLocation {
  switch (kind) {
    case 'continent':
      return route53.GeoLocation.continent(code as route53.Continent);
    case 'country':
      return route53.GeoLocation.country(code);
    case 'state':
      return route53.GeoLocation.subdivision(code);
    case 'default':
      return route53.GeoLocation.default();
  }
}
