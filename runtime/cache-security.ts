/** How a connection to the cache is protected and signs in. */

import { Sha256 } from '@smithy/core/checksum';
import { HttpRequest } from '@smithy/core/protocols';
import { SignatureV4 } from '@smithy/signature-v4';
import type { LocalVariables } from '../contract/local.ts';
import type { CacheVariables } from '../contract/variables.ts';
import { defaultProvider } from './credentials.ts';
import { ownRegion } from './region.ts';

type Variables = Partial<Pick<LocalVariables, 'CACHE_TLS' | 'AWS_REGION'>>;

/** Seconds that a token may be used to sign in; the connection itself may live 12 hours. */
const tokenLifeSeconds = 900;

export interface CacheSecurity {
  /** TLS, verified by name; absent for plain TCP. */
  readonly tls?: object;
  readonly username?: string;
  readonly password?: string;
}

/**
 * TLS and a fresh IAM token ("Authenticating with IAM" in the ElastiCache user guide). With CACHE_TLS=off: plain
 * TCP and no sign-in.
 */
export async function cacheSecurity(
  cache: CacheVariables,
  variables: Variables = process.env as Variables,
): Promise<CacheSecurity> {
  if (variables.CACHE_TLS === 'off') return {};
  return {
    tls: {},
    username: cache.CACHE_USER,
    password: await cacheToken(cache, ownRegion({ ...variables })),
  };
}

/** A presigned `connect` request without its scheme. The name is signed in lower case. */
export async function cacheToken(cache: CacheVariables, region: string): Promise<string> {
  const name = cache.CACHE_NAME.toLowerCase();
  const signer = new SignatureV4({
    service: 'elasticache',
    region,
    credentials: defaultProvider(),
    sha256: Sha256,
  });
  const request = new HttpRequest({
    protocol: 'http:',
    method: 'GET',
    hostname: name,
    path: '/',
    query: {
      Action: 'connect',
      User: cache.CACHE_USER,
      ...(cache.CACHE_KIND === 'serverless' && { ResourceType: 'ServerlessCache' }),
    },
    headers: { host: name },
  });
  const { query } = await signer.presign(request, { expiresIn: tokenLifeSeconds });
  const parameters = Object.entries(query as Record<string, string>).map(
    ([key, value]) => `${encodeURIComponent(key)}=${encodeURIComponent(value)}`,
  );
  return `${name}/?${parameters.join('&')}`;
}
