/** Another region's event on its way into this region's cache, where this machine has one. */

import { EventEmitter, once } from 'node:events';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { pino } from 'pino';
import { eventChannel } from '../../contract/event.ts';
import { imageCacheKey } from '../../contract/media.ts';
import { type Cache, openCache } from '../../runtime/cache.ts';
import { subscribe } from '../../runtime/subscription.ts';
import { setVariables } from '../support/aws.ts';
import { type CacheServer, cacheProgram, startCache } from '../support/cache.ts';
import { sqsEvent } from '../support/function.ts';

const log = pino({ enabled: false });
const imageId = '01a20cb5-8f76-759a-b292-cb4b79d094af';
const event = JSON.stringify({
  version: 1,
  imageId,
  owner: 'somebody',
  region: 'us-east-1',
  modelVersion: 'm/1',
  at: '2026-11-24T08:39:16.062Z',
  status: 'classified',
  labels: [{ name: 'cat', score: 93.1 }],
});
const context = { getRemainingTimeInMillis: () => 10_000 } as never;

if (!cacheProgram) console.warn('neither valkey-server nor redis-server is installed: this test is skipped');

(cacheProgram ? describe : describe.skip)('the function', () => {
  let server: CacheServer;
  let restore: () => void;
  let cache: Cache;

  beforeAll(async () => {
    server = await startCache();
    const variables = {
      CACHE_HOST: `127.0.0.1:${server.port}`,
      CACHE_NAME: 'cache',
      CACHE_USER: 'user',
      CACHE_KIND: 'nodes',
      CACHE_TLS: 'off',
    };
    restore = setVariables(variables);
    cache = openCache(variables, log);
    await cache.ready(5000);
  }, 30_000);
  afterAll(async () => {
    cache?.close();
    restore?.();
    await server?.remove();
  });

  test('removes the stale entry, tells the open pages, and reports what it could not do', async () => {
    const { handler, close } = await import('../../lambda/invalidate/handler.ts');
    const heard = new EventEmitter();
    const subscription = subscribe(
      {
        CACHE_HOST: `127.0.0.1:${server.port}`,
        CACHE_NAME: 'cache',
        CACHE_USER: 'user',
        CACHE_KIND: 'nodes',
      },
      eventChannel,
      (text) => heard.emit('message', text),
      log,
    );
    try {
      await cache.set(imageCacheKey(imageId), 'stale', 60_000);
      // Until the subscription stands.
      const standing = once(heard, 'message', { signal: AbortSignal.timeout(5000) });
      const repeat = setInterval(() => cache.publish(eventChannel, 'ping'), 20);
      await standing.finally(() => clearInterval(repeat));
      await cache.publish(eventChannel, 'last ping');
      for (let text = ''; text !== 'last ping'; )
        [text] = await once(heard, 'message', { signal: AbortSignal.timeout(5000) });

      const told = once(heard, 'message', { signal: AbortSignal.timeout(5000) });
      const report = await handler(sqsEvent('no event', event) as never, context, () => {});
      expect(report).toEqual({ batchItemFailures: [{ itemIdentifier: '0' }] });
      expect(await told).toEqual([event]);
      expect(await cache.get(imageCacheKey(imageId))).toBeUndefined();

      await server.stop();
      expect(await handler(sqsEvent(event) as never, context, () => {})).toEqual({
        batchItemFailures: [{ itemIdentifier: '0' }],
      });
    } finally {
      await subscription.close();
      close();
    }
  }, 30_000);
});
