/** A region's cache while it runs: one node that holds all slots, whatever number of shards the template has. */

import { rmSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Activity, Declared, Site, Unit } from '../resource.ts';
import { Supervised } from '../supervised.ts';
import { type CacheProgram, findCacheProgram } from './program.ts';

/** Address-book name of a cache. */
export const cacheListing = ({ region, logicalId }: Declared): string => `${region}/${logicalId}`;

/** A node of Valkey waits two seconds before it calls its cluster usable. */
const usableWithinMs = 10_000;

export class CacheNode implements Activity {
  readonly #declared: Declared;
  readonly #site: Site;
  readonly #policy: () => string;
  readonly #choose: () => CacheProgram;
  #program: CacheProgram | undefined;
  #server: Supervised | undefined;

  /** @param policy what goes when memory is full, asked at the start */
  constructor(declared: Declared, site: Site, policy: () => string, choose = findCacheProgram) {
    this.#declared = declared;
    this.#site = site;
    this.#policy = policy;
    this.#choose = () => choose();
  }

  /**
   * Resolves when the node answers and has its slots. A real one takes commands two seconds later; the application
   * can do without its cache, so nothing waits for that.
   */
  async start(): Promise<void> {
    this.#program ??= this.#choose();
    this.#server ??= this.#makeServer(this.#program);
    await this.#server.start();
  }

  async stop(): Promise<void> {
    await this.#server?.stop();
  }

  units(): readonly Unit[] {
    return this.#server ? [this.#server.unit('0')] : [];
  }

  /** Kills the server, which comes back empty. */
  async stopUnit(): Promise<void> {
    await this.#server?.kill();
  }

  describe(): Readonly<Record<string, unknown>> {
    if (!this.#program) return {};
    const { port } = this.#site.book.list(cacheListing(this.#declared));
    return { program: this.#program.name, connect: { cache: `redis://127.0.0.1:${port}` } };
  }

  #makeServer(program: CacheProgram): Supervised {
    const { region, logicalId } = this.#declared;
    const { book, processes, events } = this.#site;
    const name = cacheListing(this.#declared);
    const { port } = book.list(name);
    const { port: busPort } = book.list(`${name}/bus`);
    const dataDir = processes.dataDir(region, logicalId);
    const options = { port, busPort, dataDir, policy: this.#policy() };
    return new Supervised({
      name,
      port,
      emit: (event, detail) => {
        events.emit(region, logicalId, event, { program: program.name, ...detail });
        if (event === 'accepting') void this.#announceUsable(port);
      },
      isReady: () => (program.takesSlots ? takeSlots(port) : ask(port, 'PING').then(() => true)),
      async launch() {
        // A list of nodes from an earlier run has another id for this one.
        rmSync(join(dataDir, `nodes-${port}.conf`), { force: true });
        return processes.spawn({
          region,
          resource: logicalId,
          command: program.command,
          args: program.args(options),
          cwd: dataDir,
        });
      },
    });
  }

  async #announceUsable(port: number): Promise<void> {
    const { region, logicalId } = this.#declared;
    const last = Date.now() + usableWithinMs;
    while (Date.now() < last && this.#server?.running) {
      const info = await ask(port, 'CLUSTER INFO').catch(() => '');
      if (info.includes('cluster_state:ok')) return void this.#site.events.emit(region, logicalId, 'usable');
      await delay(100, undefined, { ref: false });
    }
  }
}

async function takeSlots(port: number): Promise<boolean> {
  if ((await ask(port, 'CLUSTER INFO')).includes('cluster_slots_assigned:16384')) return true;
  return (await ask(port, 'CLUSTER ADDSLOTSRANGE 0 16383')).startsWith('+OK');
}

/** One command of plain words, and the first packet of its answer. */
function ask(port: number, command: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', timeout: 2000 });
    socket.once('error', reject);
    socket.once('timeout', () => socket.destroy(new Error(`no answer to ${command}`)));
    socket.once('connect', () => socket.write(`${command}\r\n`));
    socket.once('data', (data) => {
      socket.destroy();
      resolve(data.toString());
    });
    socket.once('close', () => reject(new Error(`no answer to ${command}`)));
  });
}
