/**
 * Who answers whom by the templates of an assembly, with any regions lost: the records and health checks as they are
 * declared, without a run. What a lost region does to a record follows from the declared checks and aliases alone.
 */

import type { Assembly } from './assembly.ts';
import { viewerOf } from './edge/viewer.ts';
import { Resolver } from './resolver.ts';
import type { Naming, ResourceModule } from './resource.ts';
import { type RoutingCheck, routingCheck } from './resources/health-check.ts';
import { modules } from './resources/index.ts';
import { routingRecord } from './resources/record-set.ts';
import { canonical, type Health, type RoutingRecord, resolve, type Viewer } from './routing.ts';

/** The viewers of one geolocation record. */
export interface Place {
  readonly kind: 'continent' | 'country' | 'state' | 'default';
  /** Code of the continent, country or state of the US; `*` for the default. */
  readonly code: string;
  /** One who is there. */
  readonly viewer: Viewer;
}

/**
 * By what a lost region shows: its readiness no longer passes, its load balancer has no healthy target, or both; or
 * all of it works, and its neighbour says that an operator has drained it.
 */
export type Symptom = 'readiness' | 'load balancer' | 'both' | 'drain';

const kinds: readonly Place['kind'][] = ['continent', 'country', 'state', 'default'];

const allHealthy: Health = { check: () => true, target: () => true };

/** Names are all that is asked for, and nothing listens behind them. */
const naming = (account: string): Naming => ({
  account,
  book: { list: (name) => ({ name, port: 0, ipv4: '198.18.0.1', ipv6: '2001:db8::1' }), alias() {} },
  secret: (name) => {
    throw new Error(`the value of secret '${name}' is known to a run only`);
  },
});

export class Traffic {
  readonly records: readonly RoutingRecord[];
  /** Regions with a load balancer, in the order of the assembly. */
  readonly regions: readonly string[];
  /** The name whose answer depends on the viewer; undefined in an environment without routing. */
  readonly origin: string | undefined;
  readonly #checks: ReadonlyMap<string, RoutingCheck>;
  /** DNS name of a load balancer → its region. */
  readonly #balancers: ReadonlyMap<string, string>;

  constructor(assembly: Assembly) {
    const sites = new Map(assembly.stacks.map(({ region, account }) => [region, naming(account)]));
    const resolver = new Resolver(assembly, {
      modules: modules as readonly ResourceModule[],
      site: (region) => sites.get(region)!,
    });
    const ofType = (type: string) => resolver.declared().filter((declared) => declared.type === type);
    this.records = ofType('AWS::Route53::RecordSet').map(routingRecord);
    this.origin = this.records.find(({ geography }) => geography)?.name;
    this.#checks = new Map(
      ofType('AWS::Route53::HealthCheck').map((declared) => {
        const check = routingCheck(declared);
        return [check.id, check];
      }),
    );
    this.#balancers = new Map(
      ofType('AWS::ElasticLoadBalancingV2::LoadBalancer').map((declared) => [
        canonical(resolver.identity(declared).attributes['DNSName']!),
        declared.region,
      ]),
    );
    this.regions = [...new Set(this.#balancers.values())];
  }

  /** Every geography that has a record of its own: continents, countries, states, the default. */
  places(): Place[] {
    const found = this.records.flatMap(({ name, type, geography }) =>
      name === this.origin && type === 'A' && geography ? [placeOf(geography)] : [],
    );
    return kinds.flatMap((kind) => found.filter((place) => place.kind === kind));
  }

  /** What Route 53 knows when these regions are lost. */
  health(lost: readonly string[], symptom: Symptom = 'both'): Health {
    const by = (...symptoms: readonly Symptom[]) => (symptoms.includes(symptom) ? lost : []);
    const [unready, empty, drained] = [by('readiness', 'both'), by('load balancer', 'both'), by('drain')];
    return {
      check: (id) => this.#passes(id, unready, drained),
      target: (name) => !empty.includes(this.#regionOf(name) ?? ''),
    };
  }

  /** The region whose load balancer a viewer gets for a name, or undefined when there is no answer. */
  region(
    viewer: Viewer,
    health: Health = allHealthy,
    type = 'A',
    name: string | undefined = this.origin,
  ): string | undefined {
    return name && this.#regionOf(resolve(this.records, health, name, viewer, type)?.target);
  }

  /** Where a viewer goes, region by region, as each that answers is lost in turn. */
  order(viewer: Viewer): string[] {
    const order: string[] = [];
    for (;;) {
      const next = this.region(viewer, this.health(order));
      // With nothing healthy left Route 53 answers a region that is lost already.
      if (next === undefined || order.includes(next)) return order;
      order.push(next);
    }
  }

  #passes(id: string, unready: readonly string[], drained: readonly string[]): boolean {
    const check = this.#checks.get(id);
    if (!check) throw new Error(`no health check '${id}' in the assembly, but a record or check names it`);
    if (check.kind === 'calculated') {
      const passing = check.children.filter((child) => this.#passes(child, unready, drained)).length;
      return passing >= check.healthThreshold !== check.inverted;
    }
    const { host, path } = check;
    const asked = this.region({}, allHealthy, 'A', host) ?? '';
    // A drain path ends in the region that its neighbour is asked about, and answers 200 while that is drained.
    const about = this.regions.find((region) => path.endsWith(`/${region}`));
    const answers = !unready.includes(asked) && (about === undefined || drained.includes(about));
    return answers !== check.inverted;
  }

  #regionOf(target = ''): string | undefined {
    return this.#balancers.get(canonical(target).replace(/^dualstack\./, ''));
  }
}

function placeOf({ continent, country, state }: Viewer): Place {
  if (continent !== undefined) return { kind: 'continent', code: continent, viewer: { continent } };
  if (state !== undefined) return { kind: 'state', code: state, viewer: located(`${country}-${state}`) };
  if (country === '*') return { kind: 'default', code: '*', viewer: {} };
  return { kind: 'country', code: country!, viewer: located(country!) };
}

/** With the continent around it, whose record is the next larger one. */
function located(place: string): Viewer {
  const [country, state] = place.split('-');
  return viewerOf(place) ?? { country, ...(state && { state }) };
}
