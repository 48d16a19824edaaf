/**
 * How long an edge may keep an answer: HTTP's own rules within the bounds of a cache policy. After "Manage how long
 * content stays in the cache (expiration)" and "How CloudFront processes HTTP 4xx and 5xx status codes from your
 * origin" (Amazon CloudFront developer guide), and RFC 5861 for stale answers.
 */

import CachePolicy from 'http-cache-semantics';
import type { HeaderMap } from '../proxy.ts';
import type { CacheConfig } from './config.ts';

/** Answers that are kept by Cache-Control, or for the policy's default where it says nothing. */
const cacheable = [200, 203, 300, 301, 302, 303, 307, 308];

/** Errors that are kept whatever they say, and those that are kept only when Cache-Control says so. */
const keptErrors = [404, 405, 410, 414, 416, 500, 501, 502, 503, 504];
const askedErrors = [400, 403, 412, 415];

/** What is lowered or raised by the policy's bounds; everything else of Cache-Control is left to the library. */
const staleDirectives = /(?:^|[\s,])(stale-(?:if-error|while-revalidate)=\d+)/g;

const options = { shared: true, cacheHeuristic: 0, immutableMinTimeToLive: 0 };

interface Asked {
  readonly url: string;
  /** What the origin got, by lower-case name. */
  readonly headers: HeaderMap;
}

/**
 * The rule for an answer to GET, or undefined for one that must not be kept.
 * @param errorTtlMs least time that errors are kept, by status
 */
export function lifetimeOf(
  { url, headers: asked }: Asked,
  { status, headers: answered }: { readonly status: number; readonly headers: HeaderMap },
  bounds: Pick<CacheConfig, 'minMs' | 'defaultMs' | 'maxMs'>,
  errorTtlMs: (status: number) => number,
): CachePolicy | undefined {
  const request = { method: 'GET', url, headers: asked };
  const headers = flat(answered);
  const control = headers['cache-control'] ?? '';
  const own = new CachePolicy(request, { status, headers }, options);
  const says = /(?:max-age|s-maxage)=|no-cache|no-store|private/.test(control) || 'expires' in headers;
  const allowed = own.storable() || !says;
  let seconds: number;
  if (cacheable.includes(status)) {
    // `no-store` and `private` hold unless the policy's minimum overrides them.
    if (!allowed && bounds.minMs === 0) return undefined;
    const wanted = says ? own.maxAge() * 1000 : bounds.defaultMs;
    seconds = Math.min(Math.max(wanted, bounds.minMs), bounds.maxMs) / 1000;
  } else if (keptErrors.includes(status) || (askedErrors.includes(status) && says)) {
    const least = errorTtlMs(status);
    seconds =
      Math.max(least, own.storable() && says ? Math.min(own.maxAge() * 1000, bounds.maxMs) : 0) / 1000;
    if (seconds === 0) return undefined;
  } else return undefined;
  const stale = [...control.matchAll(staleDirectives)].map(([, directive]) => directive);
  const { date, expires: _, vary: __, pragma: ___, ...rest } = headers;
  // Whole seconds, rounded up: the library reads no fractions, and a fast clock makes some.
  const bounded = ['public', `s-maxage=${Math.ceil(seconds)}`, ...stale].join(', ');
  return new CachePolicy(
    { ...request, headers: {} },
    { status: 200, headers: { ...rest, ...(date && { date }), 'cache-control': bounded } },
    options,
  );
}

/** Whether an answer that is too old may be served while the origin fails (RFC 5861, section 4). */
export function usableOnError(policy: CachePolicy): boolean {
  const failed = { status: 503, headers: {} };
  return policy.revalidatedPolicy({ url: '', method: 'GET', headers: {} }, failed).policy === policy;
}

/** Whether an answer that is too old may be served once more while it is asked for anew (RFC 5861, section 3). */
export const usableWhileAsked = (policy: CachePolicy): boolean =>
  // Left out of the package's types.
  (policy as CachePolicy & { useStaleWhileRevalidate(): boolean }).useStaleWhileRevalidate();

/** Whether keeping an answer can be of any use: it is fresh, may be served stale, or can be asked about. */
export const worthKeeping = (policy: CachePolicy, validators: HeaderMap): boolean =>
  policy.timeToLive() > 0 || Object.keys(validators).length > 0;

/** Headers as the library takes them, directives in lower case. */
function flat(headers: HeaderMap): Record<string, string> {
  const joined = Object.entries(headers).map(([name, value]) => [name, [value].flat().join(', ')]);
  const one: Record<string, string> = Object.fromEntries(joined);
  if (one['cache-control'] !== undefined) one['cache-control'] = one['cache-control'].toLowerCase();
  return one;
}
