/** Where a viewer is. Only the local edge knows: a cookie that it sets, reads and strips. */

import { countries } from 'countries-list';
import type { HeaderMap } from '../proxy.ts';
import type { Viewer } from '../routing.ts';
import { formatCookies, parseCookies } from './policies.ts';

/** Path of the edge's own page that sets the cookie; nothing under it reaches an origin. */
export const chooserPath = '/__local/viewer';

const cookieName = '__local_viewer';

/** Viewers who have not said where they are. */
const somewhere: Viewer = { continent: 'NA', country: 'US' };

/**
 * The viewer of a place such as `DE` or `US-CA`.
 * @returns undefined for a country that ISO 3166 does not know, or a state of another country than the US
 */
export function viewerOf(place: string): Viewer | undefined {
  const [, country = '', state] = /^([A-Z]{2})(?:-([A-Z]{2}))?$/.exec(place.toUpperCase()) ?? [];
  if (!Object.hasOwn(countries, country) || (state && country !== 'US')) return undefined;
  const { continent } = countries[country as keyof typeof countries];
  return { continent, country, ...(state && { state }) };
}

/** The place of a viewer, as `viewerOf` takes it. */
export const placeOf = ({ country = '', state }: Viewer): string => (state ? `${country}-${state}` : country);

/** Who asks, and the request's headers without the cookie that says so. */
export function takeViewer(headers: HeaderMap): { viewer: Viewer; headers: HeaderMap } {
  const cookies = parseCookies(headers['cookie']);
  const place = cookies.find(([name]) => name === cookieName)?.[1] ?? '';
  const others = cookies.filter(([name]) => name !== cookieName);
  const { cookie: _, ...rest } = headers;
  return {
    viewer: viewerOf(place) ?? somewhere,
    headers: others.length > 0 ? { ...rest, cookie: formatCookies(others) } : rest,
  };
}

/** Set-Cookie header for a viewer. */
export const viewerCookie = (viewer: Viewer): string =>
  `${cookieName}=${placeOf(viewer)}; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax`;
