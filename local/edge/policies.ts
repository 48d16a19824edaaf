/**
 * What of a viewer's request reaches the origin: the union of a behavior's cache key and its origin request policy.
 * After "Control origin requests with a policy" and "Request and response behavior for custom origins" (Amazon
 * CloudFront developer guide).
 */

import type { HeaderMap } from '../proxy.ts';
import type { Encoding } from './compression.ts';

/** Which names pass. */
export interface Selection {
  readonly kind: 'none' | 'all' | 'only' | 'except';
  /** Of headers in lower case. */
  readonly names: readonly string[];
}

export interface Forwarding {
  readonly headers: readonly Selection[];
  readonly cookies: readonly Selection[];
  readonly query: readonly Selection[];
}

export const nothing: Selection = { kind: 'none', names: [] };
export const everything: Selection = { kind: 'all', names: [] };

export const noForwarding: Forwarding = { headers: [], cookies: [], query: [] };

/** A cache policy in the template's own terms. */
export interface CachePolicyTerms {
  /** Minimum, default and maximum TTL. */
  readonly seconds: readonly [number, number, number];
  readonly key: Forwarding;
  /** That are told apart, best first. */
  readonly encodings: readonly Encoding[];
}

export const noCaching: CachePolicyTerms = { seconds: [0, 0, 0], key: noForwarding, encodings: [] };

/** CloudFront's own cache policies, by id ("Use managed cache policies"). */
const managedCaching: Readonly<Record<string, CachePolicyTerms>> = {
  // CachingDisabled
  '4135ea2d-6df8-44a3-9df3-4b5a84be39ad': noCaching,
  // CachingOptimized
  '658327ea-f89d-4fab-a63d-7e88639e58f6': {
    seconds: [1, 86_400, 31_536_000],
    key: noForwarding,
    encodings: ['br', 'gzip'],
  },
};

/** A managed cache policy, or undefined for an id that is none. */
export const managedCachePolicy = (id: string): CachePolicyTerms | undefined =>
  Object.hasOwn(managedCaching, id) ? managedCaching[id] : undefined;

/** CloudFront's own origin request policies, by id ("Use managed origin request policies"). */
const managed: Readonly<Record<string, Forwarding>> = {
  // AllViewerExceptHostHeader
  'b689b0a8-53d0-40ab-baf2-68738e2966ac': {
    headers: [{ kind: 'except', names: ['host'] }],
    cookies: [everything],
    query: [everything],
  },
  // AllViewer
  '216adef6-5c7f-47e4-b989-5492eafa07d3': {
    headers: [everything],
    cookies: [everything],
    query: [everything],
  },
  // CORS-S3Origin
  '88a5eaf4-2fd4-4709-b370-b4c650ea3fcf': {
    headers: [
      {
        kind: 'only',
        names: ['origin', 'access-control-request-headers', 'access-control-request-method'],
      },
    ],
    cookies: [],
    query: [],
  },
};

/** A managed origin request policy, or undefined for an id that is none. */
export const managedPolicy = (id: string): Forwarding | undefined =>
  Object.hasOwn(managed, id) ? managed[id] : undefined;

/** The parameters block that cache policies and origin request policies share. */
export interface PolicyParameters {
  readonly HeadersConfig?: { readonly HeaderBehavior: string; readonly Headers?: readonly string[] };
  readonly CookiesConfig?: { readonly CookieBehavior: string; readonly Cookies?: readonly string[] };
  readonly QueryStringsConfig?: {
    readonly QueryStringBehavior: string;
    readonly QueryStrings?: readonly string[];
  };
}

/** What a policy of the template forwards. */
export function forwardingOf(parameters: PolicyParameters): Forwarding {
  const { HeadersConfig: headers, CookiesConfig: cookies, QueryStringsConfig: query } = parameters;
  const lower = (headers?.Headers ?? []).map((name) => name.toLowerCase());
  return {
    headers: [selection(headers?.HeaderBehavior, lower)].flat(),
    cookies: [selection(cookies?.CookieBehavior, cookies?.Cookies ?? [])].flat(),
    query: [selection(query?.QueryStringBehavior, query?.QueryStrings ?? [])].flat(),
  };
}

function selection(behavior = 'none', names: readonly string[]): Selection | readonly Selection[] {
  switch (behavior) {
    case 'all':
    case 'allViewer':
      return { kind: 'all', names: [] };
    case 'allExcept':
      return { kind: 'except', names };
    case 'whitelist':
      return { kind: 'only', names };
    case 'allViewerAndWhitelistCloudFront':
      return [everything, { kind: 'only', names }];
    default:
      return nothing;
  }
}

/** Both policies of a behavior together. */
export const union = (...policies: readonly Forwarding[]): Forwarding => ({
  headers: policies.flatMap(({ headers }) => headers),
  cookies: policies.flatMap(({ cookies }) => cookies),
  query: policies.flatMap(({ query }) => query),
});

/** Whether any of them lets a name pass. */
export const selects = (selections: readonly Selection[], name: string): boolean =>
  selections.some(({ kind, names }) => {
    if (kind === 'all') return true;
    if (kind === 'only') return names.includes(name);
    return kind === 'except' && !names.includes(name);
  });

/** Headers that describe the body or the wanted part of it: they pass whatever the policies say. */
const always = [
  'content-length',
  'content-type',
  'content-encoding',
  'range',
  'if-match',
  'if-none-match',
  'if-modified-since',
  'if-unmodified-since',
  'if-range',
];

/** Headers with a rule of their own; no selection lets them pass. */
const never = ['cookie', 'via', 'x-forwarded-for', 'x-forwarded-proto', 'x-real-ip', 'expect'];

/** Beginnings of headers that only CloudFront may say. */
const reserved = ['cloudfront-', 'x-amz-cf-', 'x-edge-'];

/**
 * The viewer's headers that reach the origin; without any cookie unless cookies are selected.
 * @param own headers that CloudFront itself can add when a policy names them, as `cloudfront-viewer-country`
 */
export function forwardedHeaders(viewer: HeaderMap, forwarding: Forwarding, own: HeaderMap = {}): HeaderMap {
  const headers: HeaderMap = { 'user-agent': 'Amazon CloudFront' };
  for (const [name, value] of Object.entries(viewer)) {
    if (never.includes(name) || reserved.some((beginning) => name.startsWith(beginning))) continue;
    if (always.includes(name) || selects(forwarding.headers, name)) headers[name] = value;
  }
  const named = forwarding.headers.filter(({ kind }) => kind === 'only');
  for (const [name, value] of Object.entries(own)) if (selects(named, name)) headers[name] = value;
  const cookies = parseCookies(viewer['cookie']).filter(([name]) => selects(forwarding.cookies, name));
  if (cookies.length > 0) headers['cookie'] = formatCookies(cookies);
  return headers;
}

/** The query string that reaches the origin, with its question mark; empty when nothing is left. */
export function forwardedQuery(query: string, forwarding: Forwarding): string {
  const kept = query.split('&').filter((pair) => pair && selects(forwarding.query, nameOf(pair)));
  return kept.length > 0 ? `?${kept.join('&')}` : '';
}

const nameOf = (pair: string): string => decode(pair.split('=')[0]!);

function decode(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return text;
  }
}

/** Name and value of each cookie of a Cookie header. */
export function parseCookies(header: string | string[] | undefined): [string, string][] {
  return [header ?? []]
    .flat()
    .join('; ')
    .split(/;\s*/)
    .filter((pair) => pair !== '')
    .map((pair) => {
      const at = pair.indexOf('=');
      return at < 0 ? [pair, ''] : [pair.slice(0, at).trim(), pair.slice(at + 1)];
    });
}

export const formatCookies = (cookies: readonly (readonly [string, string])[]): string =>
  cookies.map(([name, value]) => `${name}=${value}`).join('; ');
