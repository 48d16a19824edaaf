/** A region's fauxqs as its queues, topics and buckets share it. */

import { fileURLToPath } from 'node:url';
import type { Endpoint } from '../contract/endpoint.ts';
import { exchange } from './exchange.ts';
import type { Site, Unit } from './resource.ts';
import { perRegion, Turns } from './shared.ts';
import { Supervised } from './supervised.ts';
import { serviceName } from './variables.ts';

const program = fileURLToPath(new URL('./fauxqs-server.ts', import.meta.url));

export class Fauxqs {
  readonly endpoint: Endpoint;
  readonly #server: Supervised;
  readonly #users = new Set<string>();
  readonly #turns = new Turns();

  constructor({ book, processes, account, events }: Site, region: string) {
    const { port } = book.list(serviceName(region, 'fauxqs'));
    this.endpoint = { host: '127.0.0.1', port };
    this.#server = new Supervised({
      name: `${region}/fauxqs`,
      port,
      emit: (event, detail) => events.emit(region, 'fauxqs', event, detail),
      isReady: async () => (await exchange(this.endpoint, { method: 'GET', path: '/health' })).status === 200,
      launch: async () =>
        processes.spawn({
          region,
          resource: 'fauxqs',
          command: process.execPath,
          args: [program, String(port), region, account, processes.dataDir(region, 'fauxqs')],
          env: { NODE_OPTIONS: '--disable-warning=ExperimentalWarning' },
        }),
    });
  }

  unit(): Unit {
    return this.#server.unit('0');
  }

  /** Resolves when it answers; the first user starts it. */
  acquire(user: string): Promise<Endpoint> {
    return this.#turns.take(async () => {
      this.#users.add(user);
      await this.#server.start();
      return this.endpoint;
    });
  }

  /** The last user ends it. */
  release(user: string): Promise<void> {
    return this.#turns.take(async () => {
      this.#users.delete(user);
      if (this.#users.size === 0) await this.#server.stop();
    });
  }

  /** As a fault does; it comes back by itself. */
  kill(): Promise<void> {
    return this.#server.kill();
  }
}

/** The one of a region. */
export const fauxqsOf = perRegion((site, region) => new Fauxqs(site, region));
