/** The cache against a real server, and without one. */

import { EventEmitter, once } from 'node:events';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { pino } from 'pino';
import { type Cache, openCache } from '../../runtime/cache.ts';
import { cacheAside } from '../../runtime/cache-aside.ts';
import { cacheSecurity, cacheToken } from '../../runtime/cache-security.ts';
import { subscribe } from '../../runtime/subscription.ts';
import { setVariables } from '../support/aws.ts';
import { type CacheServer, cacheProgram, startCache } from '../support/cache.ts';
import { freePort } from '../support/postgres.ts';

const log = pino({ enabled: false });
const variables = (port: number) => ({
  CACHE_HOST: `127.0.0.1:${port}`,
  CACHE_NAME: 'Meridian-Test-Cache',
  CACHE_USER: 'meridian-app',
  CACHE_KIND: 'nodes',
});

let restore: () => void;
beforeAll(() => {
  restore = setVariables({ CACHE_TLS: 'off', AWS_ACCESS_KEY_ID: 'AKID', AWS_SECRET_ACCESS_KEY: 'secret' });
});
afterAll(() => restore());

if (!cacheProgram)
  console.warn('neither valkey-server nor redis-server is installed: tests of the cache are skipped');

(cacheProgram ? describe : describe.skip)('a cache', () => {
  let server: CacheServer;
  let cache: Cache;

  beforeAll(async () => {
    server = await startCache();
    cache = openCache(variables(server.port), log);
    expect(await cache.ready(5000)).toBe(true);
  });
  afterAll(async () => {
    cache?.close();
    await server?.remove();
  });

  test('keeps what it is given, for its time', async () => {
    await cache.set('key', 'value', 60_000);
    await cache.set('brief', 'value', 1);
    expect(await cache.get('key')).toBe('value');
    await cache.delete('key');
    expect(await cache.get('key')).toBeUndefined();
    for (let i = 0; i < 100 && (await cache.get('brief')); i++);
    expect(await cache.get('brief')).toBeUndefined();
  });

  // Last: the server comes back empty.
  test('may go and come back: callers go on at once, subscribers hear again', async () => {
    const heard = new EventEmitter();
    const subscription = subscribe(
      variables(server.port),
      'events',
      (text) => heard.emit('message', text),
      log,
    );
    try {
      const first = once(heard, 'message', { signal: AbortSignal.timeout(5000) });
      // The subscription stands at some moment from now on.
      const repeat = setInterval(() => cache.publish('events', 'first'), 20);
      expect(await first).toEqual(['first']);
      clearInterval(repeat);

      await server.stop();
      const asked = performance.now();
      expect(await cache.get('key')).toBeUndefined();
      expect(await cache.publish('events', 'nobody hears')).toBe(false);
      await cache.set('key', 'value', 1000);
      expect(performance.now() - asked).toBeLessThan(1500);
      expect(await cache.ready(50)).toBe(false);

      await server.start();
      const again = once(heard, 'message', { signal: AbortSignal.timeout(10_000) });
      const repeatAgain = setInterval(() => cache.publish('events', 'again'), 50);
      expect(await again).toEqual(['again']);
      clearInterval(repeatAgain);
    } finally {
      await subscription.close();
    }
  }, 20_000);
});

test('without a cache everything is a miss', async () => {
  const cache = openCache(variables(await freePort()), log);
  try {
    expect(await cache.ready(50)).toBe(false);
    expect(await cache.get('key')).toBeUndefined();
    expect(await cache.publish('events', 'x')).toBe(false);
  } finally {
    cache.close();
  }
});

describe('signing in', () => {
  test('is not done in the clear', async () => {
    expect(await cacheSecurity(variables(1), { CACHE_TLS: 'off' })).toEqual({});
  });

  test('is by TLS, the user and a token of 15 minutes for the name in lower case', async () => {
    const { tls, username, password } = await cacheSecurity(variables(1), { AWS_REGION: 'eu-west-1' });
    expect([tls, username]).toEqual([{}, 'meridian-app']);
    const url = new URL(`http://${password}`);
    expect([url.host, url.pathname]).toEqual(['meridian-test-cache', '/']);
    expect(Object.fromEntries(url.searchParams)).toMatchObject({
      Action: 'connect',
      User: 'meridian-app',
      'X-Amz-Expires': '900',
      'X-Amz-Credential': expect.stringMatching(/^AKID\/\d{8}\/eu-west-1\/elasticache\/aws4_request$/),
      'X-Amz-SignedHeaders': 'host',
      'X-Amz-Signature': expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    expect(url.searchParams.has('ResourceType')).toBe(false);
  });

  test('names the kind of a serverless cache', async () => {
    const token = await cacheToken({ ...variables(1), CACHE_KIND: 'serverless' }, 'eu-west-1');
    expect(new URL(`http://${token}`).searchParams.get('ResourceType')).toBe('ServerlessCache');
  });
});

describe('cache-aside', () => {
  /** As the cache behaves, in this process. */
  function memory() {
    const kept = new Map<string, { value: string; ttlMs: number }>();
    const cache = {
      get: async (key: string) => kept.get(key)?.value,
      set: async (key: string, value: string, ttlMs: number) => void kept.set(key, { value, ttlMs }),
    };
    return { kept, through: cacheAside(cache as unknown as Cache, 1000).through };
  }

  test('loads once for all that ask at the same time, and not again', async () => {
    const { through, kept } = memory();
    let loads = 0;
    const load = async () => ({ n: ++loads });
    const answers = await Promise.all([through('k', load), through('k', load), through('k', load)]);
    expect(answers).toEqual([{ n: 1 }, { n: 1 }, { n: 1 }]);
    expect(await through('k', load)).toEqual({ n: 1 });
    const { ttlMs } = kept.get('k')!;
    expect([ttlMs >= 900, ttlMs <= 1100]).toEqual([true, true]);
  });

  test('never remembers that something is absent', async () => {
    const { through } = memory();
    expect(await through('k', async () => undefined)).toBeUndefined();
    expect(await through('k', async () => 'now')).toBe('now');
  });

  test('does not keep a failure', async () => {
    const { through } = memory();
    await expect(through('k', () => Promise.reject(new Error('away')))).rejects.toThrow('away');
    expect(await through('k', async () => 'back')).toBe('back');
  });
});
