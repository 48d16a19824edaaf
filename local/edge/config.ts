/** A distribution as the edge runs it: plain JSON, made from the template by `local/resources/distribution.ts`. */

import type { Encoding } from './compression.ts';
import type { Forwarding } from './policies.ts';

export interface OriginConfig {
  readonly domain: string;
  /** Put before every path; empty or with a leading slash. */
  readonly path: string;
  /** Added to every request, over what the viewer sent. */
  readonly headers: Readonly<Record<string, string>>;
  readonly attempts: number;
  readonly connectTimeoutMs: number;
  readonly readTimeoutMs: number;
}

/** Origins in the order they are asked, and the answers by which the next one is asked. */
export interface OriginGroupConfig {
  readonly members: readonly string[];
  readonly statusCodes: readonly number[];
}

export interface ResponseHeader {
  readonly name: string;
  readonly value: string;
  /** Whether it replaces one that the origin sends. */
  readonly override: boolean;
}

/** What a cache policy says. Times are those of the run's clock. */
export interface CacheConfig {
  readonly minMs: number;
  /** For answers that say nothing of it. */
  readonly defaultMs: number;
  /** 0 keeps nothing. */
  readonly maxMs: number;
  /** What of a request tells one kept answer from another, beside its path. */
  readonly key: Forwarding;
  /** Encodings that are told apart, best first. */
  readonly encodings: readonly Encoding[];
}

export interface BehaviorConfig {
  /** Path pattern; `*` of the default behavior. */
  readonly pattern: string;
  /** Id of an origin or of an origin group. */
  readonly target: string;
  readonly methods: readonly string[];
  readonly forwarding: Forwarding;
  readonly cache: CacheConfig;
  /** Compresses what the origin sends plain. */
  readonly compress: boolean;
  /** Code of the function on viewer requests. */
  readonly viewerFunction?: string;
  readonly responseHeaders: readonly ResponseHeader[];
}

export interface EdgeConfig {
  readonly distribution: { readonly id: string; readonly domain: string };
  /** Alternate domain names, with wildcards. */
  readonly names: readonly string[];
  /** Where origins are resolved; absent in an environment without records. */
  readonly nameServer?: { readonly port: number; readonly secondMs: number };
  /** Least time that an error is kept, by status; that of the rest. */
  readonly errorTtlMs: Readonly<Record<string, number>>;
  readonly otherErrorTtlMs: number;
  /** Port that plays HTTPS, and the one that plays HTTP and answers a redirect. */
  readonly httpsPort: number;
  readonly httpPort: number;
  /** In the order in which they are tried; the default is last. */
  readonly behaviors: readonly BehaviorConfig[];
  readonly origins: Readonly<Record<string, OriginConfig>>;
  readonly groups: Readonly<Record<string, OriginGroupConfig>>;
}
