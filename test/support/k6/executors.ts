/** The executors: which VU starts an iteration when ("Executors" in k6's documentation). */

import { setTimeout as sleep } from 'node:timers/promises';
import type { Scenario } from './options.ts';
import { arrivals, lengthOf, steadyArrivals, vusAt } from './schedule.ts';
import type { VirtualUser } from './virtual-user.ts';

/** What an executor may do. */
export interface Crew {
  readonly vus: readonly VirtualUser[];
  /** Aborted when no new iteration may start. */
  readonly ending: AbortSignal;
  /** Runs one iteration to its end. */
  iterate(vu: VirtualUser): Promise<void>;
  /** Iterations that could not be started. */
  dropped(count: number): void;
}

/** Milliseconds of a scenario without its graceful stop; Infinity where only iterations count is never the case. */
export function durationOf(scenario: Scenario): number {
  switch (scenario.executor) {
    case 'shared-iterations':
    case 'per-vu-iterations':
      return scenario.maxDurationMs;
    case 'constant-vus':
    case 'constant-arrival-rate':
      return scenario.durationMs;
    case 'ramping-vus':
    case 'ramping-arrival-rate':
      return lengthOf(scenario.stages);
  }
}

/** Starts iterations until the scenario or `ending` is over; returns when the last one has ended. */
export async function execute(scenario: Scenario, crew: Crew): Promise<void> {
  const { vus, ending } = crew;
  switch (scenario.executor) {
    case 'shared-iterations': {
      let left = scenario.iterations;
      await each(async (vu) => {
        while (left > 0 && !ending.aborted) {
          left--;
          await crew.iterate(vu);
        }
      });
      return crew.dropped(left);
    }
    case 'per-vu-iterations':
      return each(async (vu) => {
        let left = scenario.iterations;
        for (; left > 0 && !ending.aborted; left--) await crew.iterate(vu);
        crew.dropped(left);
      });
    case 'constant-vus':
      return each(async (vu) => {
        while (!ending.aborted) await crew.iterate(vu);
      });
    case 'ramping-vus':
      return ramp(scenario, crew);
    case 'constant-arrival-rate':
      return arrive(steadyArrivals(scenario.rate, scenario.durationMs), crew);
    case 'ramping-arrival-rate':
      return arrive(arrivals(scenario.startRate, scenario.stages), crew);
  }

  async function each(work: (vu: VirtualUser) => Promise<void>): Promise<void> {
    await Promise.all(vus.map(work));
  }
}

/** Open model: an iteration starts when its time has come, whether or not others have ended; or it is dropped. */
async function arrive(times: Iterable<number>, { vus, ending, iterate, dropped }: Crew): Promise<void> {
  const started = performance.now();
  const idle = [...vus];
  const running = new Set<Promise<void>>();
  for (const time of times) {
    const wait = started + time - performance.now();
    if (wait > 0) await sleep(wait, undefined, { signal: ending }).catch(() => undefined);
    if (ending.aborted) break;
    const vu = idle.shift();
    if (!vu) {
      dropped(1);
      continue;
    }
    const run = iterate(vu).finally(() => {
      idle.push(vu);
      running.delete(run);
    });
    running.add(run);
  }
  await Promise.all(running);
}

/** Milliseconds between two looks at a ramp. */
const rampTickMs = 20;

async function ramp(
  scenario: Extract<Scenario, { executor: 'ramping-vus' }>,
  { vus, ending, iterate }: Crew,
): Promise<void> {
  const started = performance.now();
  const wanted = (): number =>
    ending.aborted ? 0 : vusAt(scenario.startVUs, scenario.stages, performance.now() - started);
  const running = new Map<VirtualUser, Promise<void>>();
  const leaving = new Map<VirtualUser, NodeJS.Timeout>();

  while (!ending.aborted) {
    const now = wanted();
    for (const [i, vu] of vus.entries()) {
      if (i < now) {
        clearTimeout(leaving.get(vu));
        leaving.delete(vu);
        if (!running.has(vu)) running.set(vu, loop(vu, i));
      } else if (running.has(vu) && !leaving.has(vu)) {
        leaving.set(
          vu,
          setTimeout(() => vu.interrupt(), scenario.gracefulRampDownMs),
        );
      }
    }
    await sleep(rampTickMs, undefined, { signal: ending }).catch(() => undefined);
  }
  await Promise.all(running.values());
  for (const timer of leaving.values()) clearTimeout(timer);

  async function loop(vu: VirtualUser, i: number): Promise<void> {
    while (i < wanted()) await iterate(vu);
    running.delete(vu);
  }
}
