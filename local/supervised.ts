/** A server process that is kept running: it counts as started when it answers, and comes back when it dies. */

import { setTimeout as delay } from 'node:timers/promises';
import type { Managed } from './processes.ts';
import type { Unit } from './resource.ts';

export interface SupervisedOptions {
  /** Address-book form of who it is, as `eu-west-1/Cache`: where its log is found. */
  readonly name: string;
  readonly port: number;
  /** Prepares what the process needs and starts it; called again after each death. */
  readonly launch: () => Promise<Managed>;
  /** Whether it answers by now. An error counts as no. */
  readonly isReady: (process: Managed) => boolean | Promise<boolean>;
  /** How it is ended. @default SIGTERM */
  readonly end?: (process: Managed) => Promise<void>;
  readonly emit: (
    event: 'server started' | 'accepting' | 'server ended',
    detail: Readonly<Record<string, unknown>>,
  ) => void;
  /** How long a start may take, in milliseconds. @default 30000 */
  readonly readyWithinMs?: number;
}

const pollMs = 20;
/** Milliseconds before the nth new start: ports and shared memory of the dead take a moment to go. */
const pauseMs = (attempt: number): number => Math.min(5000, 100 * 2 ** attempt);
/** About two minutes; whatever still fails then needs a person. */
const attempts = 30;

export class Supervised {
  readonly #options: SupervisedOptions;
  #process: Managed | undefined;
  #wanted = false;
  #state: Unit['state'] = 'stopped';
  #comeback: Promise<void> = Promise.resolve();

  constructor(options: SupervisedOptions) {
    this.#options = options;
  }

  get running(): boolean {
    return this.#state === 'running';
  }

  unit(id: string): Unit {
    const pid = this.#process?.running ? this.#process.pid : undefined;
    return { id, state: this.#state, ...(pid && { pid }), address: `127.0.0.1:${this.#options.port}` };
  }

  /**
   * Resolves when the process answers; does nothing where that is under way.
   * @throws Error when it ends or does not answer in time
   */
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

  async #end(): Promise<void> {
    const current = this.#process;
    if (!current?.running) return;
    await (this.#options.end?.(current) ?? current.stop());
  }

  async #launch(): Promise<void> {
    const { launch, port, emit } = this.#options;
    this.#state = 'starting';
    const started = await launch();
    this.#process = started;
    emit('server started', { pid: started.pid, port });
    await this.#ready(started);
    this.#state = 'running';
    emit('accepting', { pid: started.pid, port });
    void started.exited.then((ending) => this.#ended(ending));
  }

  async #ready(started: Managed): Promise<void> {
    const { name, isReady, readyWithinMs = 30_000 } = this.#options;
    const last = Date.now() + readyWithinMs;
    while (started.running && Date.now() < last) {
      if (await answers(() => isReady(started))) return;
      await delay(pollMs);
    }
    const problem = started.running ? `did not answer within ${readyWithinMs} ms` : 'ended while it started';
    await started.kill();
    throw new Error(`the server of ${name} ${problem}: npx meridian logs ${name.replace('/', ' ')}`);
  }

  #ended(ending: { readonly code: number | null; readonly signal: NodeJS.Signals | null }): void {
    this.#state = 'stopped';
    this.#options.emit('server ended', { ...ending, port: this.#options.port });
    if (this.#wanted) this.#comeback = this.#comeBack();
  }

  async #comeBack(): Promise<void> {
    for (let attempt = 0; attempt < attempts; attempt++) {
      await delay(pauseMs(attempt));
      if (!this.#wanted) return;
      try {
        return await this.#launch();
      } catch {
        this.#state = 'failed';
      }
    }
  }
}

async function answers(isReady: () => boolean | Promise<boolean>): Promise<boolean> {
  try {
    return await isReady();
  } catch {
    return false;
  }
}
