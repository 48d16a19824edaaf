/**
 * This region's cache. It may be away at any time: a read is then a miss and a write is forgotten, after a short
 * wait, and whoever asked goes on.
 */

import { once } from 'node:events';
import { Cluster } from 'iovalkey';
import { parseEndpoint } from '../contract/endpoint.ts';
import { type CacheVariables, ports } from '../contract/variables.ts';
import { cacheSecurity } from './cache-security.ts';
import type { Logger } from './log.ts';

export interface Cache {
  /** The value, or undefined when there is none or the cache is away. */
  get(key: string): Promise<string | undefined>;
  set(key: string, value: string, ttlMs: number): Promise<void>;
  delete(key: string): Promise<void>;
  /** Sends a message to every subscriber in this region; false when the cache is away. */
  publish(channel: string, message: string): Promise<boolean>;
  /** Waits for the connection: true as soon as it stands, false when it does not within the time. */
  ready(withinMs: number): Promise<boolean>;
  close(): void;
}

/** Milliseconds that one command may take before its caller goes on without the cache. */
const commandTimeoutMs = 250;

/** Milliseconds between new clients: tokens live 15 minutes. After a failure to get a token it is the second. */
const renewalMs = 10 * 60_000;
const renewalAfterFailureMs = 2000;

/** Milliseconds that a replaced client has to answer what it was asked. */
const farewellMs = 5000;

/** Opens the cache; connecting goes on in the background for as long as it takes. */
export function openCache(variables: CacheVariables, log: Logger): Cache {
  let current: Cluster | undefined;
  let timer: NodeJS.Timeout | undefined;
  let closed = false;
  const opened = renew();

  /** A client keeps one password for good, so a new client takes over before its token ends. */
  async function renew(): Promise<void> {
    let nextMs = renewalAfterFailureMs;
    try {
      const security = await cacheSecurity(variables);
      if (closed) return;
      const before = current;
      current = newClient(variables, security, log);
      setTimeout(() => before?.disconnect(), farewellMs).unref();
      nextMs = renewalMs;
    } catch (error) {
      log.warn({ error: String(error) }, 'no token for the cache, trying again');
    }
    if (!closed) timer = setTimeout(renew, nextMs).unref();
  }

  async function attempt<T>(command: (cluster: Cluster) => Promise<T>): Promise<T | undefined> {
    try {
      return current && (await withTimeout(command(current)));
    } catch (error) {
      log.debug({ error: String(error) }, 'cache command failed');
      return undefined;
    }
  }

  return {
    get: async (key) => (await attempt((cluster) => cluster.get(key))) ?? undefined,
    async set(key, value, ttlMs) {
      await attempt((cluster) => cluster.set(key, value, 'PX', Math.max(1, Math.round(ttlMs))));
    },
    async delete(key) {
      await attempt((cluster) => cluster.del(key));
    },
    publish: async (channel, message) =>
      (await attempt((cluster) => cluster.publish(channel, message))) !== undefined,
    async ready(withinMs) {
      await opened;
      if (!current || current.status === 'ready') return current !== undefined;
      const signal = AbortSignal.timeout(withinMs);
      return once(current, 'ready', { signal }).then(
        () => true,
        () => false,
      );
    },
    close() {
      closed = true;
      clearTimeout(timer);
      current?.disconnect();
    },
  };
}

function newClient(variables: CacheVariables, security: object, log: Logger): Cluster {
  const cluster = new Cluster([parseEndpoint(variables.CACHE_HOST, ports.cache)], {
    // Names stay names: certificates are verified by them.
    dnsLookup: (address, callback) => callback(null, address),
    // While the cache is away commands fail at once, instead of running when their data is old.
    enableOfflineQueue: false,
    maxRedirections: 3,
    clusterRetryStrategy: (times) => Math.min(100 * times, 2000),
    slotsRefreshTimeout: 1000,
    slotsRefreshInterval: 60_000,
    redisOptions: {
      ...security,
      connectTimeout: 1000,
      disconnectTimeout: 200,
      keepAlive: 10_000,
    },
  });
  // Said once per outage, however often the client tries.
  let away = false;
  cluster.on('error', (error: Error) => {
    if (!away) log.warn({ error: error.message }, 'cache is away');
    away = true;
  });
  cluster.on('ready', () => {
    if (away) log.info('cache is back');
    away = false;
  });
  return cluster;
}

/** iovalkey's own command timeout does not count while a command waits for a connection. */
function withTimeout<T>(command: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer in ${commandTimeoutMs} ms`)), commandTimeoutMs);
  });
  return Promise.race([command, late]).finally(() => clearTimeout(timer));
}
