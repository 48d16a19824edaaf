/** A client of the control interface, for commands and tests. */

import type { RunEvent } from './events.ts';
import { type RunFile, read } from './run-file.ts';
import type { RunReport } from './state.ts';

export class ControlClient {
  readonly #address: string;
  readonly #token: string;

  constructor(address: string, token: string) {
    this.#address = address;
    this.#token = token;
  }

  /**
   * The client of the run that a folder holds.
   * @throws Error when there is none, or it has only just begun.
   */
  static of(stateRoot: string): { readonly client: ControlClient; readonly file: RunFile } {
    const file = read(stateRoot);
    if (!file) throw new Error(`nothing runs here (${stateRoot}): start it with 'npm start'`);
    if (!file.address || !file.token) {
      throw new Error(`the run (process ${file.pid}) has only just begun: try again in a moment`);
    }
    return { client: new ControlClient(file.address, file.token), file };
  }

  async state(): Promise<RunReport> {
    const response = await this.#fetch('GET', '/state');
    return (await response.json()) as RunReport;
  }

  startResource = (region: string, logicalId: string) => this.#act('resources', region, logicalId, 'start');
  stopResource = (region: string, logicalId: string) => this.#act('resources', region, logicalId, 'stop');
  stopUnit = (region: string, logicalId: string, unit: string) =>
    this.#act('resources', region, logicalId, 'units', unit, 'stop');
  startRegion = (region: string) => this.#act('regions', region, 'start');
  stopRegion = (region: string) => this.#act('regions', region, 'stop');
  /** Begins the end of the run. */
  stop = () => this.#act('stop');

  /** Events after an id, then new ones as they happen, until the loop is left or the signal aborts. */
  async *events(after = 0, signal?: AbortSignal): AsyncGenerator<RunEvent> {
    const response = await this.#fetch('GET', `/events?after=${after}`, signal);
    const decoder = new TextDecoder();
    let rest = '';
    for await (const chunk of response.body!) {
      const blocks = (rest + decoder.decode(chunk, { stream: true })).split('\n\n');
      rest = blocks.pop()!;
      for (const block of blocks) {
        const data = block.split('\n').find((line) => line.startsWith('data: '));
        if (data) yield JSON.parse(data.slice('data: '.length));
      }
    }
  }

  /**
   * The first event after an id that a test holds for.
   * @param timeoutMs longest wait
   * @throws Error that lists the last events when none came in time.
   */
  async waitFor(holds: (event: RunEvent) => boolean, after: number, timeoutMs = 30_000): Promise<RunEvent> {
    const seen: RunEvent[] = [];
    const aborting = new AbortController();
    const timer = setTimeout(() => aborting.abort(), timeoutMs);
    try {
      for await (const event of this.events(after, aborting.signal)) {
        if (holds(event)) return event;
        seen.push(event);
      }
    } catch (error) {
      if (!aborting.signal.aborted) throw error;
    } finally {
      clearTimeout(timer);
      aborting.abort();
    }
    const lines = seen
      .slice(-20)
      .map(({ id, region, resource, event }) => `  ${id} ${region} ${resource} ${event}`);
    throw new Error(
      `no such event within ${timeoutMs} ms; after event ${after} came:\n${lines.join('\n') || '  none'}`,
    );
  }

  /** Returns the id of the last event when the action was done. */
  async #act(...path: readonly string[]): Promise<number> {
    const response = await this.#fetch('POST', `/${path.map(encodeURIComponent).join('/')}`);
    return ((await response.json()) as { lastEvent: number }).lastEvent;
  }

  async #fetch(method: string, path: string, signal?: AbortSignal): Promise<Response> {
    const response = await fetch(`${this.#address}${path}`, {
      method,
      headers: { authorization: `Bearer ${this.#token}` },
      ...(signal && { signal }),
    });
    if (response.ok) return response;
    const { error = response.statusText } = (await response.json().catch(() => ({}))) as { error?: string };
    throw new Error(error);
  }
}
