/** The open event streams of this task. */

import { Readable } from 'node:stream';

/** Milliseconds between comments that keep quiet streams open through proxies. */
const heartbeatMs = 15_000;
/** Milliseconds after which a browser connects again. */
const reconnectMs = 2000;
/** Bytes that may wait for one reader; who is slower is cut off and catches up after connecting again. */
const maxWaiting = 64 * 1024;
/** Streams that one task holds at most. */
const maxStreams = 2000;

export class EventStreams {
  readonly #streams = new Set<Readable>();
  readonly #heartbeat: NodeJS.Timeout;

  constructor() {
    this.#heartbeat = setInterval(() => this.#push(':\n\n'), heartbeatMs);
    this.#heartbeat.unref();
  }

  get size(): number {
    return this.#streams.size;
  }

  /** A new stream of `text/event-stream`; undefined when the task holds as many as it may. */
  open(): Readable | undefined {
    if (this.#streams.size >= maxStreams) return undefined;
    const stream = new Readable({ read() {} });
    this.#streams.add(stream);
    stream.once('close', () => this.#streams.delete(stream));
    stream.push(`retry: ${reconnectMs}\n\n`);
    return stream;
  }

  /** Sends one event to every stream. @param json on one line */
  broadcast(json: string): void {
    this.#push(`data: ${json}\n\n`);
  }

  /** Ends all streams, so that browsers go to another task. */
  close(): void {
    clearInterval(this.#heartbeat);
    for (const stream of this.#streams) stream.push(null);
  }

  #push(text: string): void {
    for (const stream of this.#streams) {
      if (stream.readableLength > maxWaiting) stream.destroy();
      else stream.push(text);
    }
  }
}
