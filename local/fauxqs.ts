/** A region's fauxqs as its queues, topics and buckets share it. */

import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Endpoint } from '../contract/endpoint.ts';
import type { Managed } from './processes.ts';
import type { Site, Unit } from './resource.ts';
import { perRegion, Turns } from './shared.ts';
import { serviceName } from './variables.ts';

const program = fileURLToPath(new URL('./fauxqs-server.ts', import.meta.url));
const readyWithinMs = 20_000;

export class Fauxqs {
  readonly #site: Site;
  readonly #region: string;
  readonly #users = new Set<string>();
  readonly #turns = new Turns();
  #process: Managed | undefined;

  constructor(site: Site, region: string) {
    this.#site = site;
    this.#region = region;
  }

  get endpoint(): Endpoint {
    return { host: '127.0.0.1', port: this.#site.book.list(serviceName(this.#region, 'fauxqs')).port };
  }

  get running(): boolean {
    return this.#process?.running ?? false;
  }

  unit(): Unit {
    const { host, port } = this.endpoint;
    const state = this.running ? 'running' : 'stopped';
    return { id: '0', state, ...(this.running && { pid: this.#process!.pid }), address: `${host}:${port}` };
  }

  /** Resolves when it answers; the first user starts it. */
  acquire(user: string): Promise<Endpoint> {
    return this.#turns.take(async () => {
      this.#users.add(user);
      if (!this.running) await this.#launch();
      return this.endpoint;
    });
  }

  /** The last user ends it. */
  release(user: string): Promise<void> {
    // At once: whoever kills the region right after this must not see it come back.
    this.#users.delete(user);
    return this.#turns.take(async () => {
      if (this.#users.size === 0) await this.#process?.stop();
    });
  }

  /** As a fault does; it comes back by itself. */
  async kill(): Promise<void> {
    await this.#process?.kill();
  }

  async #launch(): Promise<void> {
    const { processes, account, events } = this.#site;
    const region = this.#region;
    const { port } = this.endpoint;
    const started = processes.spawn({
      region,
      resource: 'fauxqs',
      command: process.execPath,
      args: [program, String(port), region, account, processes.dataDir(region, 'fauxqs')],
      env: { NODE_OPTIONS: '--disable-warning=ExperimentalWarning' },
    });
    this.#process = started;
    await this.#ready(started);
    events.emit(region, 'fauxqs', 'accepting', { pid: started.pid, port });
    void started.exited.then(({ code, signal }) => {
      events.emit(region, 'fauxqs', 'server ended', { code, signal });
      if (this.#users.size > 0) void this.#comeBack();
    });
  }

  async #ready(started: Managed): Promise<void> {
    const { host, port } = this.endpoint;
    const last = Date.now() + readyWithinMs;
    while (started.running && Date.now() < last) {
      const answer = await fetch(`http://${host}:${port}/health`).catch(() => undefined);
      if (answer?.ok) return void (await answer.text());
      await delay(20);
    }
    await started.kill();
    throw new Error(
      `SQS, SNS and S3 of ${this.#region} did not start: see the log of ${this.#region}/fauxqs`,
    );
  }

  #comeBack(): Promise<void> {
    return this.#turns.take(async () => {
      for (let attempt = 0; attempt < 10 && this.#users.size > 0 && !this.running; attempt++) {
        await delay(Math.min(5_000, 100 * 2 ** attempt));
        await this.#launch().catch(() => {});
      }
    });
  }
}

/** The one of a region. */
export const fauxqsOf = perRegion((site, region) => new Fauxqs(site, region));
