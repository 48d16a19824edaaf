/** Viewers of several places who go on asking: who answered each of them, and what failed, in order. */

import { setTimeout as sleep } from 'node:timers/promises';
import { Viewer } from './viewer.ts';

/** One answer, or the lack of one. */
export interface Glimpse {
  readonly place: string;
  /** Region that served it; undefined for a failed request. */
  readonly region: string | undefined;
  /** Status or error of a failed request. */
  readonly failure?: string;
  /** `performance.now()` of the question. */
  readonly at: number;
}

/** Pause between a viewer's requests, milliseconds. */
const pauseMs = 25;

export class Crowd {
  readonly seen: Glimpse[] = [];
  readonly #path: string;
  readonly #listeners = new Set<() => void>();
  #asking = true;
  #done: Promise<unknown> = Promise.resolve();

  private constructor(path: string) {
    this.#path = path;
  }

  /** One viewer for each country, who begin at once. */
  static async at(site: string, countries: readonly string[], path = '/api/images?limit=1'): Promise<Crowd> {
    const crowd = new Crowd(path);
    const viewers = await Promise.all(countries.map((country) => Viewer.in(country, site)));
    crowd.#done = Promise.all(viewers.map((viewer, i) => crowd.#ask(viewer, countries[i]!)));
    return crowd;
  }

  failures(place?: string): readonly Glimpse[] {
    return this.seen.filter((one) => one.region === undefined && (!place || one.place === place));
  }

  /** Regions that have answered a place since a moment. */
  regions(place: string, since = 0): readonly string[] {
    const found = this.seen.flatMap((one) =>
      one.place === place && one.at >= since && one.region ? [one.region] : [],
    );
    return [...new Set(found)];
  }

  /** Resolves when a place has had that many answers more, all by that region from the first of them on. */
  async settled(place: string, region: string, count = 10, withinMs = 120_000): Promise<void> {
    const from = this.seen.length;
    const holds = () => {
      const own = this.seen.slice(from).filter((one) => one.place === place);
      return own.length >= count && own.slice(-count).every((one) => one.region === region);
    };
    if (holds()) return;
    const reached = Promise.withResolvers<void>();
    const look = () => holds() && reached.resolve();
    const timer = setTimeout(() => {
      const last = JSON.stringify(this.seen.filter((one) => one.place === place).at(-1));
      reached.reject(
        new Error(`${place} was not answered by ${region} within ${withinMs} ms; last: ${last}`),
      );
    }, withinMs);
    this.#listeners.add(look);
    try {
      await reached.promise;
    } finally {
      clearTimeout(timer);
      this.#listeners.delete(look);
    }
  }

  async leave(): Promise<void> {
    this.#asking = false;
    await this.#done;
  }

  async #ask(viewer: Viewer, place: string): Promise<void> {
    while (this.#asking) {
      const at = performance.now();
      const answer = await viewer.call('GET', this.#path).catch((error: Error) => error);
      const good = !(answer instanceof Error) && answer.status < 400;
      this.seen.push(
        good
          ? { place, at, region: answer.region ?? 'unnamed' }
          : {
              place,
              at,
              region: undefined,
              failure: answer instanceof Error ? answer.message : String(answer.status),
            },
      );
      for (const look of this.#listeners) look();
      await sleep(pauseMs);
    }
  }
}
