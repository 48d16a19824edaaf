/** Where viewers go by the records of the synthesized template, for every set of regions that may be lost. */

import { beforeAll, describe, expect, test } from '@jest/globals';
import { environments } from '../../config/environments.ts';
import { failoverChain } from '../../config/geography.ts';
import { Resolver } from '../../local/resolver.ts';
import type { Declared, ResourceModule, Site } from '../../local/resource.ts';
import { modules } from '../../local/resources/index.ts';
import { routingRecord } from '../../local/resources/record-set.ts';
import { type Health, type RoutingRecord, resolve, type Viewer } from '../../local/routing.ts';
import { account } from '../support/small-run.ts';
import { synthesize } from '../support/synth.ts';

const environment = environments['local']!;
const regions = environment.regions.map(({ name }) => name);
const origin = `origin.${environment.domain!.name}`;

/** Every set of regions, the empty and the full one too. */
const subsets = Array.from({ length: 2 ** regions.length }, (_, bits) =>
  regions.filter((_, i) => bits & (1 << i)),
);

const viewers: readonly (readonly [string, Viewer, string])[] = [
  ['Germany', { continent: 'EU', country: 'DE' }, 'eu-west-1'],
  ['Nigeria', { continent: 'AF', country: 'NG' }, 'eu-west-1'],
  ['the US', { continent: 'NA', country: 'US', state: 'CA' }, 'us-east-1'],
  ['Brazil', { continent: 'SA', country: 'BR' }, 'us-east-1'],
  ['Japan', { continent: 'AS', country: 'JP' }, 'ap-southeast-1'],
  ['Australia', { continent: 'OC', country: 'AU' }, 'ap-southeast-1'],
  ['nowhere known', {}, 'us-east-1'],
];

let records: readonly RoutingRecord[];
let checks: readonly Declared[];
let resolver: Resolver;

/** Only names are asked for, so this much of a run is enough. */
const site = {
  account,
  book: { list: () => ({ port: 1 }), alias() {} },
  secret: () => 'secret',
} as unknown as Site;

beforeAll(() => {
  const { assembly } = synthesize('local');
  resolver = new Resolver(assembly, { modules: modules as ResourceModule[], site: () => site });
  const ofType = (type: string) => resolver.declared().filter((declared) => declared.type === type);
  records = ofType('AWS::Route53::RecordSet').map(routingRecord);
  checks = ofType('AWS::Route53::HealthCheck');
}, 30_000);

const regionOf = (target: string | undefined) =>
  /\.([a-z0-9-]+)\.elb\.amazonaws\.com$/.exec(target ?? '')?.[1];

/** The region that a health check is about: that of its own name, or of the readiness check among its children. */
function judges(id: string): string {
  const declared = checks.find((check) => resolver.identity(check).ref === id)!;
  const { FullyQualifiedDomainName, ChildHealthChecks } = declared.require<{
    FullyQualifiedDomainName?: string;
    ChildHealthChecks?: string[];
  }>('HealthCheckConfig');
  return FullyQualifiedDomainName?.split('.')[0] ?? judges(ChildHealthChecks![0]!);
}

/** A lost region shows by its health check, by its load balancer, or by both. */
const losses: readonly (readonly [string, (lost: readonly string[]) => Health])[] = [
  ['its health check', (lost) => ({ check: (id) => !lost.includes(judges(id)), target: () => true })],
  ['its load balancer', (lost) => ({ check: () => true, target: (name) => !lost.includes(regionOf(name)!) })],
  [
    'both',
    (lost) => ({
      check: (id) => !lost.includes(judges(id)),
      target: (name) => !lost.includes(regionOf(name)!),
    }),
  ],
];

describe.each(losses)('a region that is lost by %s', (_, healthWithout) => {
  test.each(subsets.map((lost) => [lost.join(', ') || 'no region', lost] as const))(
    'without %s a viewer gets the nearest that is left, at home when none is',
    (_, lost) => {
      const answers = viewers.flatMap(([place, viewer]) =>
        ['A', 'AAAA'].map((type) => [
          place,
          type,
          regionOf(resolve(records, healthWithout(lost), origin, viewer, type)?.target),
        ]),
      );
      const expected = viewers.flatMap(([place, , home]) => {
        const region = failoverChain(environment, home).find((one) => !lost.includes(one)) ?? home;
        return ['A', 'AAAA'].map((type) => [place, type, region]);
      });
      expect(answers).toEqual(expected);
    },
  );
});

test('www and the apex are the distribution, each region’s own name its load balancer', () => {
  const fine: Health = { check: () => true, target: () => true };
  const { name } = environment.domain!;
  for (const host of [name, `www.${name}`]) {
    expect(resolve(records, fine, host)?.target).toMatch(/^d[0-9a-f]{13}\.cloudfront\.net$/);
  }
  for (const region of regions) {
    expect(regionOf(resolve(records, fine, `${region}.${origin}`)?.target)).toBe(region);
  }
});
