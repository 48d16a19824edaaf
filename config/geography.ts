/** Which region is near to what: pure functions over the catalog's coordinates. */

import type { Environment } from './environment.ts';
import { type Continent, type Coordinates, continents, regionFacts } from './regions.ts';

const earthRadiusKm = 6371;

/** Centres of population rather than of land: where most viewers of a continent are, in degrees. */
const continentCentres: Readonly<Record<Continent, Coordinates>> = {
  AF: { latitude: 6, longitude: 15 },
  AN: { latitude: -75, longitude: 165 },
  AS: { latitude: 25, longitude: 98 },
  EU: { latitude: 50, longitude: 12 },
  NA: { latitude: 39, longitude: -92 },
  OC: { latitude: -29, longitude: 146 },
  SA: { latitude: -15, longitude: -57 },
};

/** Great-circle distance in kilometres (haversine formula). */
export function distanceKm(a: Coordinates, b: Coordinates): number {
  const rad = (degrees: number) => (degrees * Math.PI) / 180;
  const h =
    Math.sin(rad(b.latitude - a.latitude) / 2) ** 2 +
    Math.cos(rad(a.latitude)) * Math.cos(rad(b.latitude)) * Math.sin(rad(b.longitude - a.longitude) / 2) ** 2;
  return 2 * earthRadiusKm * Math.asin(Math.sqrt(h));
}

/** Regions nearest first to a point; equal distances keep the given order. */
export function byDistance(from: Coordinates, regions: readonly string[]): string[] {
  return [...regions].sort((a, b) => distanceKm(from, regionFacts(a)) - distanceKm(from, regionFacts(b)));
}

/** A home region followed by the regions that take over from it, in order. */
export function failoverChain(environment: Environment, home: string): string[] {
  const others = environment.regions.map((entry) => entry.name).filter((name) => name !== home);
  const order = environment.routing?.failoverOrder?.[home] ?? byDistance(regionFacts(home), others);
  return [home, ...order];
}

/** One geolocation record of the routing stack. */
export interface Geography {
  /** `continent` NA, `country` DE, `state` CA of the US, or `default`. */
  readonly kind: 'continent' | 'country' | 'state' | 'default';
  /** Code of the continent, country or state; `*` for the default. */
  readonly code: string;
  /** The region that serves it while healthy. */
  readonly region: string;
}

/** Every geography of an environment with its home region: continents, then countries, states, default. */
export function geographies(environment: Environment): Geography[] {
  const names = environment.regions.map((entry) => entry.name);
  const { routing = {} } = environment;
  const listed = (kind: 'country' | 'state', map: Readonly<Record<string, string>> = {}): Geography[] =>
    Object.entries(map).map(([code, region]) => ({ kind, code, region }));
  return [
    ...continents.map(
      (code): Geography => ({
        kind: 'continent',
        code,
        region: routing.continents?.[code] ?? byDistance(continentCentres[code], names)[0]!,
      }),
    ),
    ...listed('country', routing.countries),
    ...listed('state', routing.states),
    { kind: 'default', code: '*', region: routing.fallback ?? environment.primary },
  ];
}
