/** How the run speaks to a host process. */

/** A part that runs in a host process; it is started again, with its last configuration, when the host returns. */
export interface PartHandle<C = unknown> {
  update(config: C): Promise<void>;
  call<R>(method: string, argument?: unknown): Promise<R>;
  close(): Promise<void>;
}

/** A process that holds the parts of one region, or the edge. */
export interface Host {
  readonly region: string;
  readonly alive: boolean;
  /** Starts a part by its name in `local/parts/index.ts`; `id` is unique in the host, as the logical id. */
  run<C>(part: string, id: string, config: C): Promise<PartHandle<C>>;
}
