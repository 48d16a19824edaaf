/**
 * The interface of a part: a server that runs inside a host process (a region's, or the edge's), so that a killed
 * region takes its load balancer, S3 front, database fronts and queue pollers with it. Parts live under
 * `local/parts/` and are registered by name in `local/parts/index.ts`. Configurations are plain JSON.
 */

import type { Endpoint } from '../contract/endpoint.ts';

export interface PartContext {
  readonly region: string;
  /** Where a virtual name or address listens on this machine. Throws for a name that the book does not know. */
  dial(name: string): Endpoint;
  /** Tells the run that something happened: appears in the event stream as `<part id> <event>`. */
  emit(event: string, detail?: Readonly<Record<string, unknown>>): void;
  log(line: string): void;
}

export interface RunningPart<C = unknown> {
  /** Takes a new configuration without dropping what is in flight. */
  update?(config: C): void | Promise<void>;
  /** Answers a question of the resource that started it, as the state of targets. */
  call?(method: string, argument: unknown): unknown;
  close(): Promise<void>;
}

export type Part<C = unknown> = (config: C, context: PartContext) => Promise<RunningPart<C>>;
