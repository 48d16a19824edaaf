/** AWS::Route53::RecordSet: a record of the name system in the edge's process. */

import type { PartHandle } from '../host-client.ts';
import type { RecordConfig } from '../parts/record.ts';
import type { Activity, Declared, Naming, ResourceModule, Site } from '../resource.ts';
import { canonical, type RoutingRecord } from '../routing.ts';
import { nameServerListing } from '../state.ts';
import { watchName } from './load-balancer.ts';

/** Seconds after which Route 53 believes a load balancer that says it has no healthy target. */
const graceSeconds = 10;

interface AliasTarget {
  readonly DNSName: string;
  readonly EvaluateTargetHealth?: boolean;
}

interface GeoLocation {
  readonly ContinentCode?: string;
  readonly CountryCode?: string;
  readonly SubdivisionCode?: string;
}

/** A template's record, with every reference resolved. */
export function routingRecord(declared: Declared): RoutingRecord {
  const alias = declared.resolve<AliasTarget>('AliasTarget');
  const place = declared.resolve<GeoLocation>('GeoLocation');
  const ttl = declared.resolve<string | number>('TTL');
  return {
    name: canonical(declared.require<string>('Name')),
    type: declared.require<string>('Type'),
    setIdentifier: declared.resolve<string>('SetIdentifier'),
    geography: place && {
      continent: place.ContinentCode,
      country: place.CountryCode,
      state: place.SubdivisionCode,
    },
    failover: declared.resolve<'PRIMARY' | 'SECONDARY'>('Failover'),
    healthCheck: declared.resolve<string>('HealthCheckId'),
    alias: alias && {
      name: canonical(alias.DNSName),
      evaluateTargetHealth:
        alias.EvaluateTargetHealth === true || String(alias.EvaluateTargetHealth) === 'true',
    },
    values: declared.resolve<string[]>('ResourceRecords'),
    ttlSeconds: ttl === undefined ? undefined : Number(ttl),
  };
}

/** Port of 127.0.0.1 where the name server answers, over UDP and TCP. */
export const nameServerPort = ({ book }: Pick<Naming, 'book'>): number => book.list(nameServerListing).port;

/** Only load balancers say how healthy they are; an alias to another record has that record's health. */
const isLoadBalancer = (dnsName: string): boolean => dnsName.endsWith('.elb.amazonaws.com');

class RecordSet implements Activity {
  readonly #declared: Declared;
  readonly #site: Site;
  #handle: PartHandle<RecordConfig> | undefined;

  constructor(declared: Declared, site: Site) {
    this.#declared = declared;
    this.#site = site;
  }

  async start(): Promise<void> {
    const record = routingRecord(this.#declared);
    const watched = record.alias?.evaluateTargetHealth && isLoadBalancer(record.alias.name);
    const { stack, logicalId } = this.#declared;
    this.#handle = await this.#site.host('edge').run<RecordConfig>('record', `${stack}/${logicalId}`, {
      record,
      addresses: record.alias && this.#site.book.find(record.alias.name),
      nameServerPort: nameServerPort(this.#site),
      ...(watched && { watch: watchName(record.alias!.name) }),
      graceMs: this.#site.clock.ms(graceSeconds),
    });
  }

  async stop(): Promise<void> {
    const handle = this.#handle;
    this.#handle = undefined;
    await handle?.close();
  }
}

export const recordSet: ResourceModule = {
  type: 'AWS::Route53::RecordSet',
  global: true,
  identify(declared, site) {
    nameServerPort(site);
    return { ref: canonical(declared.require<string>('Name')), attributes: {} };
  },
  run: (declared, site) => new RecordSet(declared, site),
};
