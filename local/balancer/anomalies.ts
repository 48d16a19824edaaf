/**
 * Which targets fail much more often than the others. After "Automatic target weights (ATW)" (Elastic Load Balancing
 * user guide), which says what is counted and of how many targets, but no thresholds: those here are our own.
 */

/** Milliseconds after which an outcome counts half. Real time: it is running code that fails. */
const halfLifeMs = 5_000;

/** Targets below which nothing is compared. */
const fewestTargets = 3;

/** Outcomes of a target below which nothing is said of it. */
const fewestOutcomes = 5;

/** Share of failures from which a target may stand out, and how many times that of the others it must be. */
const standingOut = { share: 0.1, times: 3 } as const;

/** Share of its traffic that an anomalous target keeps: enough to notice that it has recovered. */
export const mitigatedWeight = 0.1;

/** What became of a target's requests, newer ones counting more. */
export class Outcomes {
  #all = 0;
  #failures = 0;
  #at = 0;

  /**
   * @param failed no answer, or one of 5xx
   * @param now milliseconds of a clock that only goes forward
   */
  add(failed: boolean, now = performance.now()): void {
    this.#age(now);
    this.#all += 1;
    if (failed) this.#failures += 1;
  }

  /** How many there were, and which part of them failed. */
  read(now = performance.now()): { readonly count: number; readonly failureShare: number } {
    this.#age(now);
    return { count: this.#all, failureShare: this.#all === 0 ? 0 : this.#failures / this.#all };
  }

  #age(now: number): void {
    const left = 0.5 ** ((now - this.#at) / halfLifeMs);
    this.#all *= left;
    this.#failures *= left;
    this.#at = now;
  }
}

/** Those that fail far more often than the rest do together. */
export function anomalous<T extends { readonly outcomes: Outcomes }>(targets: readonly T[]): Set<T> {
  if (targets.length < fewestTargets) return new Set();
  const read = targets.map((target) => ({ target, ...target.outcomes.read() }));
  const found = read.filter(({ target, count, failureShare }) => {
    if (count < fewestOutcomes || failureShare < standingOut.share) return false;
    const others = read.filter((one) => one.target !== target);
    const all = others.reduce((sum, one) => sum + one.count, 0);
    const failures = others.reduce((sum, one) => sum + one.count * one.failureShare, 0);
    return failureShare >= standingOut.times * (all === 0 ? 0 : failures / all);
  });
  return new Set(found.map(({ target }) => target));
}
