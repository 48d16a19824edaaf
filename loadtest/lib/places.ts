/**
 * Where load comes from. Three ways to say it:
 *
 * - the local run: `BASE_URL` on localhost, and `VIEWERS=region=country,…` for people whom the edge takes for being there;
 * - one real place, the machine that k6 runs on: `BASE_URL=https://www.example.com`;
 * - regions of AWS by their own addresses: `REGIONS=eu-west-1=https://eu-west-1.origin.example.com,…` with
 *   `ORIGIN_VERIFY`, the secret that CloudFront sends; the environment's `testers` must hold the address of this machine,
 *   or the load balancers do not let it in and the WAF's rate rule stops it.
 */

import { pairsSetting } from './settings.ts';

export interface Place {
  /** Region that is at home there; `here` where nobody has said. */
  readonly name: string;
  readonly baseUrl: string;
  /** Country of the local run's viewer. */
  readonly country?: string;
  /** Region that should serve it; unknown for `here`. */
  readonly home?: string;
}

const localViewers: [string, string][] = [
  ['us-east-1', 'US'],
  ['eu-west-1', 'DE'],
  ['ap-southeast-1', 'SG'],
];

const baseUrl = (__ENV['BASE_URL'] ?? 'http://localhost:8080').replace(/\/$/, '');

export const places: readonly Place[] = readPlaces();

/** Headers of every request to the site itself. */
export const siteHeaders: Readonly<Record<string, string>> = __ENV['ORIGIN_VERIFY']
  ? { 'X-Origin-Verify': __ENV['ORIGIN_VERIFY'] }
  : {};

/** The place of the running scenario. */
export function currentPlace(): Place {
  return placeNamed(__ENV['PLACE'] ?? '');
}

export function placeNamed(name: string): Place {
  const place = places.find((one) => one.name === name);
  if (!place)
    throw new Error(`there is no place '${name}', only ${places.map((one) => one.name).join(', ')}`);
  return place;
}

/**
 * For scripts that compare places.
 * @throws Error that says what is missing
 */
export function needPlaces(count: number): void {
  if (places.length >= count) return;
  throw new Error(
    `this script needs ${count} places and has ${places.length}: say -e REGIONS=name=url,name=url with -e ORIGIN_VERIFY=… (the environment's 'testers' must hold this machine's address), or run it against the local run`,
  );
}

function readPlaces(): Place[] {
  const regions = pairsSetting('REGIONS');
  if (regions) {
    if (!__ENV['ORIGIN_VERIFY']) {
      throw new Error('-e REGIONS needs -e ORIGIN_VERIFY=…, without which load balancers answer 403');
    }
    return regions.map(([name, url]) => ({ name, baseUrl: url.replace(/\/$/, ''), home: name }));
  }
  const isLocal = /^https?:\/\/(localhost|127\.0\.0\.1)(:\d+)?$/.test(baseUrl);
  const viewers = pairsSetting('VIEWERS') ?? (isLocal ? localViewers : undefined);
  if (!viewers) return [{ name: 'here', baseUrl }];
  return viewers.map(([name, country]) => ({ name, baseUrl, country, home: name }));
}
