/** What several resources of a region share: one process, one part, started by the first and ended by the last. */

import type { PartHandle } from './host-client.ts';
import type { Site } from './resource.ts';

/** One value per run and region, made on first use. */
export function perRegion<T>(make: (site: Site, region: string) => T): (site: Site, region: string) => T {
  // A region's site differs from the others', the event stream is one for the run.
  const runs = new WeakMap<object, Map<string, T>>();
  return (site, region) => {
    const known = runs.get(site.events) ?? new Map<string, T>();
    runs.set(site.events, known);
    const value = known.get(region) ?? make(site, region);
    known.set(region, value);
    return value;
  };
}

/** Runs what is asked of it one after the other, whatever becomes of each. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();

  take<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#last.then(work);
    this.#last = mine.catch(() => {});
    return mine;
  }
}

/** A part of a region's host whose configuration is made of what each resource contributes. */
export class SharedPart<C, P> {
  readonly #site: Site;
  readonly #region: string;
  readonly #part: string;
  readonly #configure: (contributions: ReadonlyMap<string, C>) => P;
  readonly #contributions = new Map<string, C>();
  readonly #turns = new Turns();
  #handle: PartHandle<P> | undefined;

  /** @param part its name in `local/parts/index.ts`, and its id in the host */
  constructor(
    site: Site,
    region: string,
    part: string,
    configure: (contributions: ReadonlyMap<string, C>) => P,
  ) {
    this.#site = site;
    this.#region = region;
    this.#part = part;
    this.#configure = configure;
  }

  /** Sets what one resource contributes; resolves when the part does what follows from it. */
  set(key: string, contribution: C): Promise<void> {
    return this.#turns.take(async () => {
      this.#contributions.set(key, contribution);
      const config = this.#configure(this.#contributions);
      if (this.#handle) return this.#handle.update(config);
      this.#handle = await this.#site.host(this.#region).run(this.#part, this.#part, config);
    });
  }

  /** Takes one resource's contribution away; the last one's end ends the part. */
  remove(key: string): Promise<void> {
    return this.#turns.take(async () => {
      if (!this.#contributions.delete(key)) return;
      const handle = this.#handle;
      if (this.#contributions.size > 0) return handle?.update(this.#configure(this.#contributions));
      this.#handle = undefined;
      await handle?.close();
    });
  }
}
