/**
 * Copies objects to other regions' buckets as replication rules say: after the upload was acknowledged, in order,
 * retried until it succeeds. What is still to be copied is in a journal, so a killed region forgets none of it.
 */

import { appendFileSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Endpoint } from '../../contract/endpoint.ts';
import { exchange } from '../exchange.ts';

/** An enabled rule of a bucket. */
export interface ReplicationRule {
  readonly prefix: string;
  readonly bucket: string;
  readonly region: string;
  readonly deleteMarkers: boolean;
}

/** One copy or deletion that is still to be made. */
interface Task {
  readonly id: number;
  readonly operation: 'put' | 'delete';
  readonly from: string;
  readonly key: string;
  readonly bucket: string;
  readonly region: string;
}

export interface ReplicatorOptions {
  readonly journal: string;
  /** The store of this region, or of another. Throws while it is not known. */
  readonly store: (region?: string) => Endpoint;
  readonly replicated: (task: {
    readonly bucket: string;
    readonly key: string;
    readonly region: string;
  }) => void;
  readonly log: (line: string) => void;
}

/** What a copy keeps of an object, beside its metadata. */
const kept = /^(content-(type|language|disposition|encoding)|cache-control|x-amz-(meta|checksum)-.+)$/;
const pauses = { first: 200, longest: 5_000 };

export class Replicator {
  readonly #options: ReplicatorOptions;
  readonly #closing = new AbortController();
  readonly #queues = new Map<string, Task[]>();
  readonly #working = new Map<string, Promise<void>>();
  #lastId = 0;

  constructor(options: ReplicatorOptions) {
    this.#options = options;
    for (const task of this.#recover()) this.#queue(task);
  }

  /** Notes what an acknowledged change means for other buckets. Call it before the acknowledgement. */
  changed(operation: Task['operation'], from: string, key: string, rules: readonly ReplicationRule[]): void {
    for (const { prefix, bucket, region, deleteMarkers } of rules) {
      if (!key.startsWith(prefix) || (operation === 'delete' && !deleteMarkers)) continue;
      const task = { id: ++this.#lastId, operation, from, key, bucket, region };
      this.#write(task);
      this.#queue(task);
    }
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.all(this.#working.values());
  }

  #queue(task: Task): void {
    const { region } = task;
    const queue = this.#queues.get(region) ?? [];
    queue.push(task);
    this.#queues.set(region, queue);
    if (!this.#working.has(region)) {
      this.#working.set(
        region,
        this.#work(region, queue).finally(() => this.#working.delete(region)),
      );
    }
  }

  /** One region at a time does not wait for another that is away. */
  async #work(region: string, queue: Task[]): Promise<void> {
    const { signal } = this.#closing;
    let pause = pauses.first;
    // What is told of a copy must come after the answer to its upload.
    await delay(0);
    while (queue.length > 0 && !signal.aborted) {
      const task = queue[0]!;
      try {
        const copied = await this.#carryOut(task);
        queue.shift();
        this.#write({ done: task.id });
        pause = pauses.first;
        if (copied) this.#options.replicated({ bucket: task.bucket, key: task.key, region });
      } catch (error) {
        this.#options.log(`${task.operation} ${task.bucket}/${task.key}: ${(error as Error).message}`);
        await delay(pause, undefined, { signal }).catch(() => {});
        pause = Math.min(pauses.longest, pause * 2);
      }
    }
  }

  /** Returns false when the object has gone meanwhile. */
  async #carryOut({ operation, from, key, bucket, region }: Task): Promise<boolean> {
    const { store } = this.#options;
    const target = objectPath(bucket, key);
    if (operation === 'delete') {
      expectSuccess(await exchange(store(region), { method: 'DELETE', path: target }));
      return true;
    }
    const object = await exchange(store(), {
      method: 'GET',
      path: objectPath(from, key),
      headers: { 'x-amz-checksum-mode': 'ENABLED' },
    });
    if (object.status === 404) return false;
    expectSuccess(object);
    const headers = Object.fromEntries(Object.entries(object.headers).filter(([name]) => kept.test(name)));
    expectSuccess(await exchange(store(region), { method: 'PUT', path: target, headers, body: object.body }));
    return true;
  }

  #write(entry: Task | { readonly done: number }): void {
    appendFileSync(this.#options.journal, `${JSON.stringify(entry)}\n`);
  }

  /** What an earlier process left undone; the journal then holds only that. */
  #recover(): Task[] {
    const { journal } = this.#options;
    mkdirSync(dirname(journal), { recursive: true });
    const pending = new Map<number, Task>();
    const lines = existsSync(journal) ? readFileSync(journal, 'utf8').split('\n') : [];
    for (const line of lines) {
      const entry = parse(line);
      if (!entry) continue;
      if ('done' in entry) pending.delete(entry.done);
      else pending.set(entry.id, entry);
    }
    this.#lastId = Math.max(0, ...pending.keys());
    writeFileSync(
      `${journal}.new`,
      [...pending.values()].map((task) => `${JSON.stringify(task)}\n`).join(''),
    );
    renameSync(`${journal}.new`, journal);
    return [...pending.values()];
  }
}

/** Path of an object, each part of its key percent-encoded. */
const objectPath = (bucket: string, key: string): string =>
  `/${bucket}/${key.split('/').map(encodeURIComponent).join('/')}`;

/** A line that a kill cut off was not acknowledged. */
function parse(line: string): Task | { readonly done: number } | undefined {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

function expectSuccess({ status, body }: { readonly status: number; readonly body: Buffer }): void {
  if (status >= 300) throw new Error(`got ${status}: ${body.toString().slice(0, 200)}`);
}
