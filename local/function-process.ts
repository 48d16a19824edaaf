/** One execution environment of a function: a process that serves one event at a time. */

import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import type { FunctionError, Invocation, Report } from './lambda-bootstrap.ts';
import type { Managed, Processes, ProcessSpec } from './processes.ts';

export type InvokeResult =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly error: FunctionError };

/** Loading may take ten seconds and does not count as the function's time ("Lambda execution environment", Init). */
const initMs = 10_000;

const bootstrap = fileURLToPath(new URL('./lambda-bootstrap.ts', import.meta.url));

export class FunctionProcess {
  readonly id: string;
  readonly managed: Managed;
  readonly #ready: Promise<FunctionError | undefined>;
  #busy = false;
  #ending = false;
  #answer: ((result: InvokeResult) => void) | undefined;

  constructor(
    id: string,
    processes: Processes,
    spec: Omit<ProcessSpec, 'command' | 'args' | 'ipc' | 'unit'>,
  ) {
    this.id = id;
    this.managed = processes.spawn({
      ...spec,
      unit: id,
      command: process.execPath,
      args: [bootstrap],
      ipc: true,
    });
    this.#ready = this.#load();
    void this.managed.exited.then(({ code, signal }) => {
      const how = signal ? `signal: ${signal}` : `exit status ${code}`;
      const errorMessage = `Runtime exited with error: ${how}`;
      this.#answer?.({ ok: false, error: { errorType: 'Runtime.ExitError', errorMessage } });
    });
  }

  /** Whether it can take an event. */
  get idle(): boolean {
    return this.alive && !this.#busy;
  }

  /** False from the moment it is told to end. */
  get alive(): boolean {
    return this.managed.running && !this.#ending;
  }

  /** Ends the process: at once, or as soon as it has heard SIGTERM. */
  end(how: 'stop' | 'kill'): Promise<void> {
    this.#ending = true;
    return this.managed[how]();
  }

  /** Serves an event. A process that takes longer is killed, one that ends leaves an error; neither throws. */
  async invoke(event: unknown, functionArn: string, timeoutMs: number): Promise<InvokeResult> {
    this.#busy = true;
    try {
      const broken = await this.#ready;
      if (broken) return { ok: false, error: broken };
      return await this.#serve(event, functionArn, timeoutMs);
    } finally {
      this.#busy = false;
    }
  }

  #serve(event: unknown, functionArn: string, timeoutMs: number): Promise<InvokeResult> {
    return new Promise((resolve) => {
      const requestId = randomUUID();
      const timer = setTimeout(() => {
        const errorMessage = `${requestId} Task timed out after ${(timeoutMs / 1000).toFixed(2)} seconds`;
        this.#answer?.({ ok: false, error: { errorType: 'Sandbox.Timedout', errorMessage } });
        void this.end('kill');
      }, timeoutMs);
      this.#answer = (result) => {
        clearTimeout(timer);
        this.#answer = undefined;
        this.managed.child.off('message', hear);
        resolve(result);
      };
      const hear = (report: Report) => {
        if (!('requestId' in report) || report.requestId !== requestId) return;
        this.#answer?.(
          report.kind === 'result' ? { ok: true, value: report.value } : { ok: false, error: report.error },
        );
      };
      this.managed.child.on('message', hear);
      const deadline = Date.now() + timeoutMs;
      const invocation: Invocation = { requestId, event, deadline, functionArn };
      // A process that has just ended answers by its end.
      this.managed.child.send(invocation, () => undefined);
    });
  }

  /** Resolves when the handler is loaded, with the reason when it cannot be. */
  #load(): Promise<FunctionError | undefined> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        resolve({ errorType: 'Sandbox.Timedout', errorMessage: `Init phase exceeded ${initMs / 1000} s` });
        void this.end('kill');
      }, initMs);
      const done = (error?: FunctionError) => {
        clearTimeout(timer);
        resolve(error);
      };
      this.managed.child.once('message', (report: Report) => {
        done(report.kind === 'failed to load' ? report.error : undefined);
      });
      void this.managed.exited.then(() =>
        done({
          errorType: 'Runtime.ExitError',
          errorMessage: 'Runtime exited before the handler was loaded',
        }),
      );
    });
  }
}
