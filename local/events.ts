/** The run's one event stream: everything that happened, in order. */

export interface RunEvent {
  /** Counts from 1; gaps never occur. */
  readonly id: number;
  /** ISO 8601. */
  readonly at: string;
  readonly region: string;
  /** Logical id of the resource, or `run`. */
  readonly resource: string;
  /** As `started`, `stopped`, `healthy`, `unhealthy`, `promoted`, `queue empty`. */
  readonly event: string;
  readonly detail?: Readonly<Record<string, unknown>>;
}

type Listener = (event: RunEvent) => void;

/** Keeps the last events and tells listeners of new ones. */
export class EventLog {
  #events: RunEvent[] = [];
  #listeners = new Set<Listener>();
  #last = 0;
  readonly #keep: number;

  constructor(keep = 10_000) {
    this.#keep = keep;
  }

  emit(
    region: string,
    resource: string,
    event: string,
    detail?: Readonly<Record<string, unknown>>,
  ): RunEvent {
    const entry: RunEvent = {
      id: ++this.#last,
      at: new Date().toISOString(),
      region,
      resource,
      event,
      ...(detail && { detail }),
    };
    this.#events.push(entry);
    if (this.#events.length > this.#keep) this.#events.splice(0, this.#events.length - this.#keep);
    for (const listener of this.#listeners) listener(entry);
    return entry;
  }

  /** Id of the last event, 0 before the first. */
  get last(): number {
    return this.#last;
  }

  /** Events after an id that are still kept. */
  since(id: number): readonly RunEvent[] {
    return this.#events.filter((event) => event.id > id);
  }

  /** Calls the listener for every new event; returns how to end that. */
  listen(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
