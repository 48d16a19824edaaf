/**
 * Which place an address belongs to, and an address for a place: EDNS client subnet carries nothing else. Countries are
 * those of the IP database. It knows no states; those of the US stand in 240.0.0.0/8, which nobody has: `CA` is
 * 240.67.65.0/24, by the codes of its letters.
 */

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { isIP } from 'node:net';
import { type CountryResponse, Reader } from 'mmdb-lib';
import { viewerOf } from '../edge/viewer.ts';
import type { Viewer } from '../routing.ts';

/** A network of a client, as RFC 7871 writes it. */
export interface Subnet {
  readonly address: string;
  /** Bits of the address that count. */
  readonly prefixLength: number;
}

/** The database names a country by a field of its own. */
type Located = CountryResponse & { readonly country_code?: string };

/** Resolvers send this much of an IPv4 address at most (RFC 7871, section 11.1). */
const prefixLength = 24;

const file = createRequire(import.meta.url).resolve(
  '@ip-location-db/geo-whois-asn-country-mmdb/geo-whois-asn-country.mmdb',
);

let reader: Reader<Located> | undefined;

/** Eight megabytes, read on first use. */
function database(): Reader<Located> {
  reader ??= new Reader<Located>(readFileSync(file));
  return reader;
}

/** Where an address is; a viewer without a place when nobody knows. */
export function viewerAt(address: string): Viewer {
  const [, first, second] = /^240\.(\d+)\.(\d+)\./.exec(address) ?? [];
  if (first) return viewerOf(`US-${String.fromCharCode(Number(first), Number(second))}`) ?? {};
  const country = isIP(address) ? database().get(address)?.country_code : undefined;
  return (country && viewerOf(country)) || {};
}

/** A network of the viewer's state or country; undefined where the database has none that is large enough. */
export function subnetOf({ country, state }: Viewer): Subnet | undefined {
  if (state) {
    return { address: `240.${state.charCodeAt(0)}.${state.charCodeAt(1)}.0`, prefixLength };
  }
  if (country === undefined) return undefined;
  for (; !found.has(country); ) {
    const { value, done } = networks.next();
    if (done) return undefined;
    if (!found.has(value.country)) found.set(value.country, value.address);
  }
  return { address: found.get(country)!, prefixLength };
}

/** First network of each country that the walk has come by. */
const found = new Map<string, string>();
const networks = walk();

/** Networks of the IPv4 space with their countries, in order. Half a million: so no further than one is asked for. */
function* walk(): Generator<{ country: string; address: string }, undefined> {
  const unicast = [1 << 24, 224 * 2 ** 24] as const;
  for (let at: number = unicast[0]; at < unicast[1]; ) {
    const address = [at >>> 24, (at >>> 16) & 255, (at >>> 8) & 255, at & 255].join('.');
    const [located, length] = database().getWithPrefixLength(address);
    const country = located?.country_code;
    if (country !== undefined && length <= prefixLength) yield { country, address };
    at += 2 ** (32 - length);
  }
  return undefined;
}
