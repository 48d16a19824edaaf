/** One PostgreSQL server: started, watched, started again when it dies, ended with the fast shutdown. */

import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Managed, Processes } from '../processes.ts';
import type { Unit } from '../resource.ts';
import type { Binaries } from './binaries.ts';

export interface ServerOptions {
  readonly processes: Processes;
  readonly binaries: Binaries;
  readonly region: string;
  readonly resource: string;
  readonly dataDir: string;
  readonly port: number;
  /** Called before every start, the first included: writes the configuration. */
  readonly prepare: () => Promise<void>;
  readonly emit: (
    event: 'server started' | 'accepting' | 'server ended',
    detail: Readonly<Record<string, unknown>>,
  ) => void;
  /** How long a start may take, in milliseconds. @default 30000 */
  readonly readyWithinMs?: number;
}

/** Milliseconds before the nth new start after a crash: the old one's shared memory takes a moment to go. */
const backoffMs = (attempt: number): number => Math.min(5000, 100 * 2 ** attempt);

export class PostgresServer {
  readonly #options: ServerOptions;
  #process: Managed | undefined;
  #wanted = false;
  #state: Unit['state'] = 'stopped';
  #comeback: Promise<void> = Promise.resolve();

  constructor(options: ServerOptions) {
    this.#options = options;
  }

  get port(): number {
    return this.#options.port;
  }

  get dataDir(): string {
    return this.#options.dataDir;
  }

  get running(): boolean {
    return this.#state === 'running';
  }

  unit(id: string): Unit {
    const pid = this.#process?.running ? this.#process.pid : undefined;
    return { id, state: this.#state, ...(pid && { pid }), address: `127.0.0.1:${this.port}` };
  }

  /** Resolves when the server accepts connections. */
  async start(): Promise<void> {
    if (this.#wanted) return;
    this.#wanted = true;
    try {
      await this.#launch();
    } catch (error) {
      this.#wanted = false;
      this.#state = 'failed';
      throw error;
    }
  }

  /** Ends all connections and the server. */
  async stop(): Promise<void> {
    this.#wanted = false;
    await this.#end();
    // A new start that was under way may have made a process since.
    await this.#comeback;
    await this.#end();
    this.#state = 'stopped';
  }

  /** As a fault does; it comes back by itself. */
  async kill(): Promise<void> {
    await this.#process?.kill();
  }

  /** Ends the server in an orderly way and starts it with its configuration made anew. */
  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  async #end(): Promise<void> {
    const current = this.#process;
    if (!current?.running) return;
    // SIGTERM alone would wait until every client has gone ("smart shutdown").
    current.child.kill('SIGINT');
    await Promise.race([current.exited, delay(10_000, undefined, { ref: false })]);
    await current.stop();
  }

  async #launch(): Promise<void> {
    const { processes, binaries, region, resource, dataDir, prepare, emit } = this.#options;
    this.#state = 'starting';
    await prepare();
    const started = processes.spawn({
      region,
      resource,
      unit: 'postgres',
      command: binaries.postgres,
      args: ['-D', dataDir],
      cwd: dirname(dataDir),
      env: { LC_ALL: 'C' },
      graceMs: 10_000,
      ...binaries.owner,
    });
    this.#process = started;
    emit('server started', { pid: started.pid, port: this.port });
    await this.#ready(started);
    this.#state = 'running';
    emit('accepting', { pid: started.pid, port: this.port });
    void started.exited.then((ending) => this.#ended(started, ending));
  }

  /** Waits for the status line that pg_ctl reads too. */
  async #ready(started: Managed): Promise<void> {
    const { region, resource, readyWithinMs = 30_000 } = this.#options;
    const last = Date.now() + readyWithinMs;
    while (started.running && Date.now() < last) {
      if (this.#isReady(started.pid)) return;
      await delay(20);
    }
    const problem = started.running
      ? `did not accept connections within ${readyWithinMs} ms`
      : 'ended at once';
    await started.kill();
    throw new Error(`PostgreSQL ${problem}: see the log of ${region}/${resource}`);
  }

  #isReady(pid: number): boolean {
    try {
      const lines = readFileSync(join(this.dataDir, 'postmaster.pid'), 'utf8').split('\n');
      return Number(lines[0]) === pid && lines[7]?.trim() === 'ready';
    } catch {
      return false;
    }
  }

  #ended(which: Managed, ending: { code: number | null; signal: NodeJS.Signals | null }): void {
    if (which !== this.#process) return;
    this.#state = 'stopped';
    this.#options.emit('server ended', { ...ending, port: this.port });
    if (this.#wanted) this.#comeback = this.#comeBack();
  }

  async #comeBack(): Promise<void> {
    for (let attempt = 0; this.#wanted && attempt < 30; attempt++) {
      await delay(backoffMs(attempt));
      if (!this.#wanted) return;
      try {
        return await this.#launch();
      } catch {
        this.#state = 'failed';
      }
    }
  }
}
