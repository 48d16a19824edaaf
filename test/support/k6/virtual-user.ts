/** The run's side of a VU: its thread, the requests it asks for, one function call at a time. */

import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { exitCodes, RunError } from './exit-codes.ts';
import { HttpClient } from './http-client.ts';
import {
  type Answered,
  cells,
  type Ended,
  type HttpCall,
  type Place,
  type Said,
  type ThreadData,
} from './messages.ts';
import type { Metrics, Sample, Tags } from './metrics.ts';
import type { Options } from './options.ts';
import type { NameResolver } from './resolver.ts';

/** What a VU tells the run beside the result of a call. */
export interface Listener {
  record(sample: Sample): void;
  log(level: string, text: string): void;
  refused(what: string): void;
  abort(reason: string): void;
}

export interface Birth {
  readonly script: string;
  readonly vu: number;
  readonly env: Tags;
  readonly timeScale: number;
  readonly metrics: Metrics;
  readonly listener: Listener;
}

/** Milliseconds that an interrupted function has to come to an end by itself. */
const patienceMs = 1000;

export class VirtualUser {
  readonly id: number;
  /** Exported names that are functions. */
  functions: readonly string[] = [];
  /** As the script exports them. */
  options: unknown;
  /** Calls so far. */
  iterations = 0;
  readonly #worker: Worker;
  readonly #calls: MessagePort;
  readonly #cells = new Int32Array(new SharedArrayBuffer(8));
  readonly #birth: Birth;
  #http: HttpClient | undefined;
  #settle: ((said: Ended | { kind: 'ready' }) => void) | undefined;

  private constructor(birth: Birth) {
    this.id = birth.vu;
    this.#birth = birth;
    const { port1, port2 } = new MessageChannel();
    this.#calls = port1;
    const workerData: ThreadData = {
      script: birth.script,
      vu: birth.vu,
      env: birth.env,
      timeScale: birth.timeScale,
      calls: port2,
      cells: this.#cells,
    };
    this.#worker = new Worker(new URL('./thread.ts', import.meta.url), {
      workerData,
      transferList: [port2],
      // Stripping types is what runs every file here; Node calls only its function experimental.
      execArgv: ['--disable-warning=ExperimentalWarning'],
    });
    this.#calls.on('message', (call: HttpCall) => void this.#answer(call));
    this.#worker.on('message', (said: Said) => this.#hear(said));
    this.#worker.on('error', (error) => this.#end(String(error)));
    this.#worker.on('exit', () => this.#end('its thread ended'));
  }

  /**
   * Loads the script in a new thread.
   * @throws RunError 107 when loading throws
   */
  static async start(birth: Birth): Promise<VirtualUser> {
    const vu = new VirtualUser(birth);
    const said = await new Promise<Ended | { kind: 'ready' }>((resolve) => {
      vu.#settle = resolve;
    });
    if ('kind' in said && said.kind === 'ready') return vu;
    await vu.close();
    throw new RunError(exitCodes.exception, (said as Ended).error ?? 'the script could not be loaded');
  }

  /** Needed before the first request. */
  connect(options: Options, resolver: NameResolver): void {
    this.#http = new HttpClient(options, resolver, (sample) => this.#birth.listener.record(sample));
  }

  /** Calls an exported function; `data` are its arguments as JSON. */
  async call(
    exec: string,
    data: readonly (string | undefined)[],
    place: Omit<Place, 'iteration'>,
  ): Promise<Ended> {
    Atomics.store(this.#cells, cells.interrupted, 0);
    const iteration = this.iterations++;
    const ended = await new Promise<Ended>((resolve) => {
      this.#settle = resolve as (said: Ended | { kind: 'ready' }) => void;
      this.#worker.postMessage({ kind: 'run', exec, data, place: { ...place, iteration } });
    });
    await this.#http?.nextIteration();
    return ended;
  }

  /** Ends the call that runs, by force if it does not listen. */
  interrupt(): void {
    if (!this.#settle) return;
    Atomics.store(this.#cells, cells.interrupted, 1);
    Atomics.notify(this.#cells, cells.interrupted);
    this.#http?.interrupt();
    const settle = this.#settle;
    setTimeout(() => {
      if (this.#settle === settle) void this.#worker.terminate();
    }, patienceMs).unref();
  }

  async close(): Promise<void> {
    await this.#http?.close();
    this.#calls.close();
    await this.#worker.terminate();
  }

  async #answer({ requests }: HttpCall): Promise<void> {
    const answers = await Promise.all(requests.map((request) => this.#http!.send(request)));
    for (const { request, error, error_code } of answers) {
      if (error && Atomics.load(this.#cells, cells.interrupted) === 0) {
        this.#birth.listener.log('warning', `${request.method} ${request.url}: ${error} (${error_code})`);
      }
    }
    const interrupted = Atomics.load(this.#cells, cells.interrupted) === 1;
    const answered: Answered = interrupted ? { interrupted } : { answers };
    this.#calls.postMessage(answered);
    Atomics.store(this.#cells, cells.answered, 1);
    Atomics.notify(this.#cells, cells.answered);
  }

  #hear(said: Said): void {
    const { listener, metrics } = this.#birth;
    switch (said.kind) {
      case 'ready':
        this.functions = said.functions;
        this.options = said.options;
        this.#take(said);
        break;
      case 'metric':
        try {
          metrics.define(said.name, said.type, said.contains);
        } catch (error) {
          this.#end((error as Error).message);
        }
        break;
      case 'samples':
        for (const sample of said.samples) listener.record(sample);
        break;
      case 'log':
        listener.log(said.level, said.text);
        break;
      case 'refused':
        listener.refused(said.what);
        break;
      case 'abort':
        listener.abort(said.reason);
        break;
      case 'ended':
        this.#take(said);
        break;
    }
  }

  #take(said: Ended | { kind: 'ready' }): void {
    const settle = this.#settle;
    this.#settle = undefined;
    settle?.(said);
  }

  #end(error: string): void {
    this.#take({ error, interrupted: true, durationMs: 0 });
  }
}
