/**
 * A host process as the run sees it. It is started again when it dies unless it was stopped on purpose, with the
 * parts it held and their last configurations.
 */

import { fileURLToPath } from 'node:url';
import type { AddressBook } from './address-book.ts';
import type { EventLog } from './events.ts';
import type { Host, PartHandle } from './host-client.ts';
import type { FromHost, ToHost } from './host-messages.ts';
import type { Managed, Processes } from './processes.ts';

const entry = fileURLToPath(new URL('./host.ts', import.meta.url));

/** Pause before a host that died is started again, milliseconds: doubled each time up to the longest. */
const pauses = { first: 200, longest: 5_000 };

export interface HostOptions {
  readonly region: string;
  readonly processes: Processes;
  readonly book: AddressBook;
  readonly events: EventLog;
  /** Takes the lines that parts log. */
  readonly log: (partId: string, line: string) => void;
  /** Program of the process. @default local/host.ts */
  readonly entry?: string;
}

/** What a request is before it gets its number. */
type Question =
  | { readonly operation: 'run'; readonly part: string; readonly config: unknown }
  | { readonly operation: 'update'; readonly config: unknown }
  | { readonly operation: 'call'; readonly method: string; readonly argument: unknown }
  | { readonly operation: 'close' };

interface Pending {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

export class HostProcess implements Host {
  readonly region: string;
  readonly #options: HostOptions;
  readonly #parts = new Map<string, { readonly part: string; config: unknown }>();
  readonly #pending = new Map<number, Pending>();
  #process: Managed | undefined;
  #ready: Promise<void> | undefined;
  #alive = false;
  #wanted = false;
  #pause = pauses.first;
  #lastId = 0;
  #told = false;
  #unlisten: (() => void) | undefined;

  constructor(options: HostOptions) {
    this.region = options.region;
    this.#options = options;
  }

  get alive(): boolean {
    return this.#alive;
  }

  get pid(): number | undefined {
    return this.#process?.running ? this.#process.pid : undefined;
  }

  /** Starts the process, with the parts that were not closed while it was away. */
  start(): Promise<void> {
    this.#wanted = true;
    this.#unlisten ??= this.#options.book.listen(() => {
      this.#told = false;
      setImmediate(() => this.#tellAddresses());
    });
    this.#ready ??= this.#launch();
    return this.#ready;
  }

  /** Kills the process, as the loss of a region would; its parts stay known until they are closed. */
  async stop(): Promise<void> {
    this.#wanted = false;
    this.#unlisten?.();
    this.#unlisten = undefined;
    this.#ready = undefined;
    await this.#process?.kill();
  }

  async run<C>(part: string, id: string, config: C): Promise<PartHandle<C>> {
    if (!this.#wanted) throw new Error(`the host of ${this.region} is stopped: start the region first`);
    await this.start();
    await this.#ask(id, { operation: 'run', part, config });
    const held = { part, config: config as unknown };
    this.#parts.set(id, held);
    return {
      update: async (next) => {
        held.config = next;
        if (this.#alive) await this.#ask(id, { operation: 'update', config: next });
      },
      call: async <R>(method: string, argument?: unknown) =>
        (await this.#ask(id, { operation: 'call', method, argument })) as R,
      close: async () => {
        if (this.#parts.get(id) !== held) return;
        this.#parts.delete(id);
        if (this.#alive) await this.#ask(id, { operation: 'close' });
      },
    };
  }

  async #launch(): Promise<void> {
    const { processes, region, events } = this.#options;
    const managed = processes.spawn({
      region,
      resource: 'host',
      command: process.execPath,
      args: [this.#options.entry ?? entry, region],
      ipc: true,
      graceMs: 2_000,
    });
    this.#process = managed;
    const ready = new Promise<void>((resolve, reject) => {
      managed.child.on('message', (message: FromHost) => {
        if (message.kind === 'ready') resolve();
        else this.#hear(message);
      });
      void managed.exited.then(() => reject(new Error(`the host of ${region} ended while it started`)));
    });
    void managed.exited.then(({ code, signal }) => this.#ended(managed, code, signal));
    await ready;
    this.#alive = true;
    this.#told = false;
    await Promise.all(
      [...this.#parts].map(async ([id, { part, config }]) => {
        try {
          await this.#ask(id, { operation: 'run', part, config });
        } catch (error) {
          events.emit(region, id, 'failed', { reason: (error as Error).message });
        }
      }),
    );
  }

  #ended(managed: Managed, code: number | null, signal: string | null): void {
    if (this.#process !== managed) return;
    this.#alive = false;
    for (const { reject } of this.#pending.values()) {
      reject(new Error(`the host of ${this.region} ended`));
    }
    this.#pending.clear();
    if (!this.#wanted) return;
    this.#options.events.emit(this.region, 'host', 'died', { code, signal });
    this.#ready = this.#relaunch(managed);
    // Who waits for the host learns of a failure; `#ended` is told of it too and tries once more.
    this.#ready.catch(() => {});
  }

  async #relaunch(dead: Managed): Promise<void> {
    const began = Date.now();
    const pause = this.#pause;
    this.#pause = Math.min(pauses.longest, pause * 2);
    await new Promise((resolve) => setTimeout(resolve, pause).unref());
    if (!this.#wanted || this.#process !== dead) throw new Error(`the host of ${this.region} was stopped`);
    await this.#launch();
    this.#pause = pauses.first;
    this.#options.events.emit(this.region, 'host', 'restarted', { ms: Date.now() - began });
  }

  #hear(message: Exclude<FromHost, { kind: 'ready' }>): void {
    if (message.kind === 'event') {
      this.#options.events.emit(this.region, message.partId, message.event, message.detail);
    } else if (message.kind === 'log') {
      this.#options.log(message.partId, message.line);
    } else {
      const pending = this.#pending.get(message.id);
      this.#pending.delete(message.id);
      if (message.error === undefined) pending?.resolve(message.result);
      else pending?.reject(new Error(message.error));
    }
  }

  #ask(partId: string, question: Question): Promise<unknown> {
    if (!this.#alive) return Promise.reject(new Error(`the host of ${this.region} is not running`));
    this.#tellAddresses();
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      this.#send({ kind: 'request', id, partId, ...question });
    });
  }

  /** Names that came since the host was told last. */
  #tellAddresses(): void {
    if (this.#told || !this.#alive) return;
    this.#told = true;
    this.#send({ kind: 'addresses', addresses: this.#options.book.snapshot() });
  }

  #send(message: ToHost): void {
    // A host that dies while it is told something has its requests rejected by `#ended`.
    this.#process?.child.send(message, () => {});
  }
}
