/** The keys of a cache: values that expire, within bounded memory. */

import { CommandError } from './resp.ts';

/** A string of bytes, or members with their scores. */
export type Value = Buffer | Map<string, number>;

/** What goes when memory is full ("Key eviction"): anything, only what would expire, or nothing. */
export type EvictionPolicy = 'allkeys-lru' | 'volatile-lru' | 'noeviction';

interface Entry {
  readonly value: Value;
  readonly expiresAt: number | undefined;
  readonly bytes: number;
}

/** What an entry costs beside its key and its value, about. */
const overheadBytes = 100;

export class Keyspace {
  /** A Map keeps the order of insertion, and what is used is inserted anew: the first key is the least recently used. */
  readonly #entries = new Map<string, Entry>();
  readonly #maxBytes: number;
  readonly policy: EvictionPolicy;
  #bytes = 0;

  constructor(maxBytes: number, policy: EvictionPolicy) {
    this.#maxBytes = maxBytes;
    this.policy = policy;
  }

  get size(): number {
    for (const key of this.#entries.keys()) this.#live(key);
    return this.#entries.size;
  }

  get(key: string): Value | undefined {
    const entry = this.#live(key);
    if (!entry) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry.value;
  }

  /** Milliseconds since 1970, or undefined for a key that is not there or never expires. */
  expiresAt(key: string): number | undefined {
    return this.#live(key)?.expiresAt;
  }

  /** @throws CommandError when memory is full and nothing may go */
  set(key: string, value: Value, expiresAt?: number): void {
    this.delete(key);
    const bytes = overheadBytes + key.length + sizeOf(value);
    this.#makeRoom(bytes);
    this.#entries.set(key, { value, expiresAt, bytes });
    this.#bytes += bytes;
  }

  delete(key: string): boolean {
    const entry = this.#entries.get(key);
    if (!entry) return false;
    this.#entries.delete(key);
    this.#bytes -= entry.bytes;
    return !isOver(entry);
  }

  clear(): void {
    this.#entries.clear();
    this.#bytes = 0;
  }

  #live(key: string): Entry | undefined {
    const entry = this.#entries.get(key);
    if (!entry || !isOver(entry)) return entry;
    this.delete(key);
    return undefined;
  }

  #makeRoom(bytes: number): void {
    if (this.#bytes + bytes <= this.#maxBytes) return;
    for (const [key, entry] of this.#entries) {
      const mayGo = this.policy === 'allkeys-lru' || (this.policy === 'volatile-lru' && entry.expiresAt);
      if (mayGo || isOver(entry)) this.delete(key);
      if (this.#bytes + bytes <= this.#maxBytes) return;
    }
    throw new CommandError("OOM command not allowed when used memory > 'maxmemory'.");
  }
}

const isOver = ({ expiresAt }: Entry): boolean => expiresAt !== undefined && expiresAt <= Date.now();

function sizeOf(value: Value): number {
  if (Buffer.isBuffer(value)) return value.length;
  let bytes = 0;
  for (const member of value.keys()) bytes += overheadBytes + member.length;
  return bytes;
}
