/** Listening to a channel of this region's cache, over every loss of the connection. */

import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'iovalkey';
import { parseEndpoint } from '../contract/endpoint.ts';
import { type CacheVariables, ports } from '../contract/variables.ts';
import { cacheSecurity } from './cache-security.ts';
import type { Logger } from './log.ts';

/** Milliseconds between questions on a quiet connection, and to wait for their answer. */
const pulseMs = 10_000;
const answerMs = 2000;

export interface Subscription {
  close(): Promise<void>;
}

/**
 * Calls the listener for every message. One plain connection is enough, since a cluster hands a message to the
 * subscribers of all its nodes; each new connection has a fresh token. Messages sent while the connection is away
 * are lost: whoever needs them looks into the database.
 */
export function subscribe(
  variables: CacheVariables,
  channel: string,
  listener: (message: string) => void,
  log: Logger,
): Subscription {
  const stop = new AbortController();
  const done = keepListening();

  async function keepListening(): Promise<void> {
    for (let failures = 0; !stop.signal.aborted; failures++) {
      try {
        await listenOnce(() => {
          failures = 0;
        });
      } catch (error) {
        if (failures === 0 && !stop.signal.aborted) log.warn({ error: String(error) }, 'subscription lost');
      }
      await sleep(Math.min(100 * 2 ** failures, 2000), undefined, { signal: stop.signal }).catch(() => {});
    }
  }

  /** Rejects when the connection has ended. */
  async function listenOnce(onReady: () => void): Promise<void> {
    const client = new Redis({
      ...parseEndpoint(variables.CACHE_HOST, ports.cache),
      ...(await cacheSecurity(variables)),
      connectTimeout: 1000,
      disconnectTimeout: 200,
      keepAlive: 10_000,
      lazyConnect: true,
      enableReadyCheck: false,
      retryStrategy: () => null,
    });
    let pulse: NodeJS.Timeout | undefined;
    const ended = new Promise<void>((resolve) => client.once('end', resolve));
    const abort = () => client.disconnect();
    stop.signal.addEventListener('abort', abort, { once: true });
    // Its `end` follows.
    client.on('error', () => {});
    client.on('message', (_channel: string, message: string) => listener(message));
    try {
      await client.connect();
      await client.subscribe(channel);
      onReady();
      // A link that swallows everything looks like a quiet channel: ask from time to time.
      pulse = setInterval(async () => {
        const late = setTimeout(abort, answerMs);
        await client.ping().catch(abort);
        clearTimeout(late);
      }, pulseMs);
      await ended;
      throw new Error('connection ended');
    } finally {
      clearInterval(pulse);
      stop.signal.removeEventListener('abort', abort);
      // A second goodbye to a connection that has ended would keep the process alive for the client's own timeout.
      if (client.status !== 'end') client.disconnect();
    }
  }

  return {
    async close() {
      stop.abort();
      await done;
    },
  };
}
