/** What an edge keeps: whole answers by key, up to a number of bytes; those unused for longest go first. */

import type CachePolicy from 'http-cache-semantics';
import type { HeaderMap } from '../proxy.ts';

export interface Stored {
  readonly status: number;
  readonly headers: HeaderMap;
  readonly body: Buffer;
  /** How long it is fresh, and may be served stale. */
  readonly policy: CachePolicy;
  /** What asks the origin whether it has changed; empty where the origin gave neither ETag nor Last-Modified. */
  readonly validators: HeaderMap;
}

/** Bytes. CloudFront has no such limits; an edge on this machine shares its memory with everything else. */
export const limits = { all: 48 * 2 ** 20, one: 8 * 2 ** 20 } as const;

/** Bytes that an entry costs beside its body, about. */
const overhead = 2_048;

export class EdgeCache {
  readonly #entries = new Map<string, Stored>();
  #bytes = 0;

  get(key: string): Stored | undefined {
    const stored = this.#entries.get(key);
    if (stored) {
      this.#entries.delete(key);
      this.#entries.set(key, stored);
    }
    return stored;
  }

  set(key: string, stored: Stored): void {
    this.delete(key);
    this.#entries.set(key, stored);
    this.#bytes += sizeOf(stored);
    for (const oldest of this.#entries.keys()) {
      if (this.#bytes <= limits.all) return;
      this.delete(oldest);
    }
  }

  delete(key: string): void {
    const stored = this.#entries.get(key);
    if (!stored) return;
    this.#entries.delete(key);
    this.#bytes -= sizeOf(stored);
  }
}

const sizeOf = ({ body }: Stored): number => body.length + overhead;
