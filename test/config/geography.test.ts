/** Who is near to whom. */

import { describe, expect, test } from '@jest/globals';
import type { Environment } from '../../config/environment.ts';
import { environments } from '../../config/environments.ts';
import { byDistance, distanceKm, failoverChain, geographies } from '../../config/geography.ts';
import { continents, regionCatalog, regionFacts } from '../../config/regions.ts';

const production = environments['production']!;

/** Region of a geography of an environment. */
function home(environment: Environment, code: string): string | undefined {
  return geographies(environment).find((geography) => geography.code === code)?.region;
}

describe('distance', () => {
  test.each([
    // Great-circle distances of the cities, as published, within one per cent.
    ['us-east-1', 'eu-west-1', 5470],
    ['eu-west-1', 'ap-southeast-1', 11190],
    ['us-east-1', 'ap-southeast-1', 15540],
  ])('%s to %s is about %i km', (a, b, km) => {
    expect(distanceKm(regionFacts(a), regionFacts(b)) / km).toBeCloseTo(1, 1);
    expect(distanceKm(regionFacts(a), regionFacts(b))).toBe(distanceKm(regionFacts(b), regionFacts(a)));
  });

  test('across the date line the short way is taken', () => {
    expect(distanceKm({ latitude: 0, longitude: 179 }, { latitude: 0, longitude: -179 })).toBeCloseTo(
      (2 * Math.PI * 6371) / 180,
      5,
    );
  });

  test('nearest first, without a change to what was given', () => {
    const given = ['ap-southeast-1', 'us-east-1', 'eu-west-1'];
    expect(byDistance(regionFacts('eu-central-1'), given)).toEqual([
      'eu-west-1',
      'us-east-1',
      'ap-southeast-1',
    ]);
    expect(given).toEqual(['ap-southeast-1', 'us-east-1', 'eu-west-1']);
  });
});

describe('failover order', () => {
  test('home first, then the others by distance', () => {
    expect(failoverChain(production, 'us-east-1')).toEqual(['us-east-1', 'eu-west-1', 'ap-southeast-1']);
    expect(failoverChain(production, 'ap-southeast-1')).toEqual(['ap-southeast-1', 'eu-west-1', 'us-east-1']);
  });

  test('as the operator says', () => {
    const failoverOrder = { 'us-east-1': ['ap-southeast-1', 'eu-west-1'] };
    expect(failoverChain({ ...production, routing: { failoverOrder } }, 'us-east-1')).toEqual([
      'us-east-1',
      'ap-southeast-1',
      'eu-west-1',
    ]);
  });
});

describe('geographies', () => {
  test('every continent goes to its nearest region, the rest to the primary', () => {
    expect(Object.fromEntries(geographies(production).map(({ code, region }) => [code, region]))).toEqual({
      AF: 'eu-west-1',
      AN: expect.any(String),
      AS: 'ap-southeast-1',
      EU: 'eu-west-1',
      NA: 'us-east-1',
      OC: 'ap-southeast-1',
      SA: 'us-east-1',
      '*': 'us-east-1',
    });
    expect(geographies(production)).toHaveLength(continents.length + 1);
  });

  test('countries, states, continents and the default as the operator says', () => {
    const routing = {
      continents: { AF: 'ap-southeast-1' },
      countries: { TR: 'eu-west-1' },
      states: { CA: 'ap-southeast-1' },
      fallback: 'eu-west-1',
    };
    const overridden = { ...production, routing };
    expect(home(overridden, 'AF')).toBe('ap-southeast-1');
    expect(home(overridden, 'TR')).toBe('eu-west-1');
    expect(home(overridden, '*')).toBe('eu-west-1');
    expect(geographies(overridden)).toContainEqual({ kind: 'state', code: 'CA', region: 'ap-southeast-1' });
  });
});

describe('the catalog', () => {
  test('has what a choice of regions needs, on every inhabited continent', () => {
    const facts = Object.values(regionCatalog);
    expect(facts.length).toBeGreaterThanOrEqual(12);
    expect(new Set(facts.map(({ continent }) => continent))).toEqual(
      new Set(continents.filter((continent) => continent !== 'AN')),
    );
  });

  test.each(Object.entries(regionCatalog))('%s has three zones of its own', (region, { zoneIds }) => {
    expect(new Set(zoneIds).size).toBe(3);
    // As `euw1-az1`: letters of the region's name, its number, the zone.
    const [area, direction = '', number] = region.split('-');
    const prefix = zoneIds[0].split('-')[0]!;
    expect(prefix).toMatch(new RegExp(`^${area}[a-z]{1,2}${number}$`));
    expect(prefix[2]).toBe(direction[0]);
    for (const id of zoneIds) expect(id).toMatch(new RegExp(`^${prefix}-az\\d$`));
  });

  test('an unknown region says where to add it', () => {
    expect(() => regionFacts('mars-1')).toThrow(
      /unknown region 'mars-1', expected one of: us-east-1, .*; add it to/,
    );
  });
});
