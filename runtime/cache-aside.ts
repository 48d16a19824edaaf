/** Cache-aside with single-flight: many callers that miss at once share one load. */

import type { Cache } from './cache.ts';

export interface CacheAside {
  /**
   * The cached value of a key, or what `load` gives, which is then cached unless undefined: what does not exist
   * yet is never remembered as absent.
   */
  through<T>(key: string, load: () => Promise<T | undefined>): Promise<T | undefined>;
}

/** @param ttlMs how long an entry may be used, jittered by a tenth so that entries do not end together */
export function cacheAside(cache: Cache, ttlMs: number): CacheAside {
  const flights = new Map<string, Promise<unknown>>();

  async function fetch<T>(key: string, load: () => Promise<T | undefined>): Promise<T | undefined> {
    const cached = await cache.get(key);
    if (cached !== undefined) return JSON.parse(cached) as T;
    const value = await load();
    if (value !== undefined) {
      // Not awaited: the caller has its answer.
      void cache.set(key, JSON.stringify(value), ttlMs * (0.9 + Math.random() * 0.2));
    }
    return value;
  }

  return {
    through<T>(key: string, load: () => Promise<T | undefined>) {
      const known = flights.get(key) as Promise<T | undefined> | undefined;
      if (known) return known;
      const flight = fetch(key, load).finally(() => flights.delete(key));
      flights.set(key, flight);
      return flight;
    },
  };
}
