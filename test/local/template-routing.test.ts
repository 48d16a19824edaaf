/**
 * Where viewers go by the records of synthesized templates of one to five regions, for every set of regions that may
 * be lost; and that one wrong record among them is found.
 */

import { beforeAll, describe, expect, test } from '@jest/globals';
import type { Environment } from '../../config/environment.ts';
import { environments } from '../../config/environments.ts';
import { failoverChain, geographies } from '../../config/geography.ts';
import type { Assembly, TemplateResource } from '../../local/assembly.ts';
import { viewerOf } from '../../local/edge/viewer.ts';
import type { Viewer } from '../../local/routing.ts';
import { type Symptom, Traffic } from '../../local/traffic.ts';
import { type Properties, synthesize } from '../support/synth.ts';

const local = environments['local']!;
const domain = local.domain!.name;

const names = ['us-east-1', 'eu-west-1', 'ap-southeast-1', 'sa-east-1', 'us-west-2'];

/** The first regions of the list, with countries, states and an order of their own where there are enough. */
function environmentOf(count: number): Environment {
  const regions = names.slice(0, count);
  const at = (i: number) => regions[i % count]!;
  return {
    ...local,
    regions: regions.map((name, i) => ({ name, cidr: `10.${i}.0.0/16` })),
    web: { ...local.web, minTasks: 4 },
    routing: {
      countries: { TR: at(2), JP: at(1), US: at(3), ZA: at(4) },
      states: { CA: at(4), NY: at(1) },
      fallback: at(2),
      // Neither by distance nor as listed.
      failoverOrder: { [at(0)]: regions.slice(1).reverse() },
    },
  };
}

/** Every continent, countries with and without a record of their own, states likewise, and nowhere known. */
const viewers: readonly (readonly [string, Viewer])[] = [
  ...['AF', 'AN', 'AS', 'EU', 'NA', 'OC', 'SA'].map((continent) => [continent, { continent }] as const),
  ...['NG', 'ZA', 'AQ', 'JP', 'IN', 'TR', 'DE', 'GB', 'CA', 'MX', 'AU', 'NZ', 'BR', 'AR'].map(
    (country) => [country, viewerOf(country)!] as const,
  ),
  ...['US-CA', 'US-NY', 'US-TX'].map((state) => [state, viewerOf(state)!] as const),
  ['nowhere', {}],
];

/** The region that the configuration gives a viewer: of the smallest geography that has one. */
function homeOf(environment: Environment, { continent, country, state }: Viewer): string {
  const all = geographies(environment);
  const of = (kind: string, code?: string) => all.find((one) => one.kind === kind && one.code === code);
  const inState = country === 'US' ? of('state', state) : undefined;
  return (inState ?? of('country', country) ?? of('continent', continent) ?? of('default', '*'))!.region;
}

/** Every set of regions, the empty and the full one too. */
const subsets = (regions: readonly string[]): string[][] =>
  Array.from({ length: 2 ** regions.length }, (_, bits) => regions.filter((_, i) => bits & (1 << i)));

const symptoms: readonly Symptom[] = ['readiness', 'load balancer', 'both', 'drain'];

/** Every answer that is not the nearest healthy region in the configured order, or with none healthy the home. */
function* wrongAnswers(traffic: Traffic, environment: Environment): Generator<string> {
  for (const lost of subsets(environment.regions.map(({ name }) => name))) {
    for (const symptom of symptoms) {
      const health = traffic.health(lost, symptom);
      for (const [place, viewer] of viewers) {
        const home = homeOf(environment, viewer);
        const expected = failoverChain(environment, home).find((region) => !lost.includes(region)) ?? home;
        for (const type of ['A', 'AAAA']) {
          const got = traffic.region(viewer, health, type) ?? 'no answer';
          if (got !== expected) {
            yield `${place} ${type}, lost by ${symptom}: ${lost}: got ${got}, expected ${expected}`;
          }
        }
      }
    }
  }
}

const assemblies = new Map<number, Assembly>();
const assemblyOf = (count: number): Assembly => {
  const known = assemblies.get(count) ?? synthesize(environmentOf(count)).assembly;
  assemblies.set(count, known);
  return known;
};

describe.each([1, 2, 3, 4, 5])('of %i region(s)', (count) => {
  test('every viewer gets the nearest healthy one, the home when none is, whichever are lost', () => {
    const traffic = new Traffic(assemblyOf(count));
    expect(traffic.regions).toHaveLength(count);
    expect([...wrongAnswers(traffic, environmentOf(count))]).toEqual([]);
  }, 60_000);
});

test('an order of the configuration and a derived one are followed to the last region', () => {
  const traffic = new Traffic(assemblyOf(5));
  // Configured: the list backwards.
  expect(traffic.order({ continent: 'NA' })).toEqual([
    'us-east-1',
    'us-west-2',
    'sa-east-1',
    'ap-southeast-1',
    'eu-west-1',
  ]);
  // By distance from Ireland.
  expect(traffic.order({ continent: 'EU' })).toEqual([
    'eu-west-1',
    'us-east-1',
    'us-west-2',
    'sa-east-1',
    'ap-southeast-1',
  ]);
});

describe('one record that is edited', () => {
  const environment = environmentOf(3);

  type Record = TemplateResource & { readonly Properties: Properties };

  /** The records under `origin.<domain>` and the chains', by stack and logical id. */
  const recordsOf = (assembly: Assembly): (readonly [string, Record])[] =>
    assembly.stacks.flatMap(({ id, template }) =>
      Object.entries(template.Resources ?? {}).flatMap(([logicalId, resource]) =>
        isRouting(resource) ? [[`${id}/${logicalId}`, resource] as const] : [],
      ),
    );

  const isRouting = (resource: TemplateResource): resource is Record =>
    resource.Type === 'AWS::Route53::RecordSet' &&
    /\.geo\.|\.origin\.|^origin\./.test(String(resource.Properties?.['Name']));

  /** What the check finds first after an edit of one record of the template. */
  function afterEdit(key: string, edit: (properties: Properties) => void): string | undefined {
    const edited = { ...assemblyOf(3), stacks: structuredClone(assemblyOf(3).stacks) };
    const [, record] = recordsOf(edited).find(([id]) => id === key)!;
    edit(record.Properties);
    return wrongAnswers(new Traffic(edited), environment).next().value;
  }

  /** A record by its name, type and set identifier. */
  function find(name: string, setIdentifier: string, type = 'A'): string {
    const found = recordsOf(assemblyOf(3)).find(
      ([, { Properties: one }]) =>
        one['Name'] === `${name}.${domain}.` &&
        one['SetIdentifier'] === setIdentifier &&
        one['Type'] === type,
    );
    if (!found) throw new Error(`no record ${name} ${setIdentifier} ${type}`);
    return found[0];
  }

  beforeAll(() => void assemblyOf(3), 30_000);

  test('and says the same as before leaves all answers right', () => {
    expect(afterEdit(find('us-east-1-1.geo', 'primary'), () => {})).toBeUndefined();
  });

  test('whichever it is, to point to another region is found', () => {
    const traffic = new Traffic(assemblyOf(3));
    const records = recordsOf(assemblyOf(3));
    // Per region its own name and two levels of two; seven continents, four countries, two states, the default.
    expect(records).toHaveLength(2 * (3 * (1 + 2 * 2) + 14));
    const unnoticed = records.filter(([id, { Properties: properties }]) => {
      const own = String(properties['Name']);
      const target = properties['AliasTarget']['DNSName'];
      const now = traffic.region({}, undefined, 'A', typeof target === 'string' ? target : own);
      const other = names.slice(0, 3).find((region) => region !== now);
      return !afterEdit(id, (edited) => {
        edited['AliasTarget']['DNSName'] = `${other}.origin.${domain}`;
      });
    });
    expect(unnoticed.map(([id]) => id)).toEqual([]);
  }, 60_000);

  const edits: readonly (readonly [string, string, string, (properties: Properties) => void, RegExp])[] = [
    [
      'the primary of a chain without its check',
      'eu-west-1-1.geo',
      'primary',
      (edited) => delete edited['HealthCheckId'],
      /lost by readiness: eu-west-1: got eu-west-1, expected/,
    ],
    [
      'the last region of a chain without its check',
      'eu-west-1-2.geo',
      'secondary',
      (edited) => delete edited['HealthCheckId'],
      /lost by readiness: us-east-1,eu-west-1,ap-southeast-1: got [a-z0-9-]+, expected eu-west-1/,
    ],
    [
      'a primary that does not look at its load balancer',
      'ap-southeast-1-1.geo',
      'primary',
      (edited) => (edited['AliasTarget']['EvaluateTargetHealth'] = false),
      /lost by load balancer: ap-southeast-1: got ap-southeast-1, expected/,
    ],
    [
      'a level that is never passed on',
      'ap-southeast-1-1.geo',
      'secondary',
      (edited) => (edited['Failover'] = 'PRIMARY'),
      /got ap-southeast-1, expected/,
    ],
    [
      'a level that has swapped who comes first',
      'us-east-1-2.geo',
      'primary',
      (edited) => (edited['AliasTarget']['DNSName'] = `us-east-1.origin.${domain}`),
      /lost by [a-z ]+: us-east-1: got us-east-1, expected/,
    ],
    [
      'a continent taken from its viewers',
      'origin',
      'continent-EU',
      (edited) => (edited['GeoLocation'] = { CountryCode: 'FJ' }),
      /EU A, .*: got ap-southeast-1, expected eu-west-1/,
    ],
    [
      'a default that is for one country only',
      'origin',
      'default-any',
      (edited) => (edited['GeoLocation'] = { CountryCode: 'FJ' }),
      /nowhere A, .*: got no answer, expected ap-southeast-1/,
    ],
  ];

  test.each(edits)('%s is found', (_, name, setIdentifier, edit, finding) => {
    expect(afterEdit(find(name, setIdentifier), edit)).toMatch(finding);
  });

  test('a check of another region is found', () => {
    const [, { Properties: other }] = recordsOf(assemblyOf(3)).find(
      ([id]) => id === find('us-east-1-1.geo', 'primary'),
    )!;
    expect(
      afterEdit(find('eu-west-1-1.geo', 'primary'), (edited) => {
        edited['HealthCheckId'] = other['HealthCheckId'];
      }),
    ).toMatch(/lost by readiness: us-east-1: got [a-z0-9-]+, expected/);
  });
});

describe('one drain check that is edited', () => {
  /** What the check finds first after an edit of the check of whether eu-west-1 is drained. */
  function afterEdit(edit: (config: Properties) => void): string | undefined {
    const edited = { ...assemblyOf(3), stacks: structuredClone(assemblyOf(3).stacks) };
    const configs = edited.stacks
      .flatMap(({ template }) => Object.values(template.Resources ?? {}))
      .filter(({ Type }) => Type === 'AWS::Route53::HealthCheck')
      .map(({ Properties: properties }) => (properties as Properties)['HealthCheckConfig'] as Properties);
    const found = configs.filter((config) => config['ResourcePath'] === '/drainz/eu-west-1');
    expect(found).toHaveLength(1);
    edit(found[0]!);
    return wrongAnswers(new Traffic(edited), environmentOf(3)).next().value;
  }

  test.each<[string, (config: Properties) => void, RegExp]>([
    [
      'and is not inverted',
      (config) => (config['Inverted'] = false),
      /lost by readiness: : got [a-z0-9-]+, expected eu-west-1/,
    ],
    [
      'and asks about another region',
      (config) => (config['ResourcePath'] = '/drainz/us-east-1'),
      /lost by drain: us-east-1: got [a-z0-9-]+, expected eu-west-1/,
    ],
  ])('%s is found', (_, edit, finding) => {
    expect(afterEdit(edit)).toMatch(finding);
  });
});

describe('the environment that runs here', () => {
  let traffic: Traffic;
  beforeAll(() => {
    traffic = new Traffic(synthesize('local').assembly);
  }, 30_000);

  test.each<[string, Viewer, string]>([
    ['Germany', { continent: 'EU', country: 'DE' }, 'eu-west-1'],
    ['Nigeria', { continent: 'AF', country: 'NG' }, 'eu-west-1'],
    ['the US', { continent: 'NA', country: 'US', state: 'CA' }, 'us-east-1'],
    ['Brazil', { continent: 'SA', country: 'BR' }, 'us-east-1'],
    ['Japan', { continent: 'AS', country: 'JP' }, 'ap-southeast-1'],
    ['Australia', { continent: 'OC', country: 'AU' }, 'ap-southeast-1'],
    ['nowhere known', {}, 'us-east-1'],
  ])('serves %s from where a person would expect it', (_, viewer, region) => {
    expect(traffic.region(viewer)).toBe(region);
  });

  test('gives each region’s own name its load balancer, whatever is lost', () => {
    const { regions } = traffic;
    for (const region of regions) {
      expect(traffic.region({}, traffic.health(regions), 'A', `${region}.origin.${domain}`)).toBe(region);
    }
  });

  test('has the apex and www at the distribution', () => {
    for (const name of [domain, `www.${domain}`]) {
      const { alias } = traffic.records.find((record) => record.name === name)!;
      expect(alias?.name).toMatch(/^d[0-9a-f]{13}\.cloudfront\.net$/);
    }
  });
});
