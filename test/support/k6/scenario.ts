/** One scenario of a run, from its start time to the end of its last iteration. */

import { setTimeout as sleep } from 'node:timers/promises';
import { durationOf, execute } from './executors.ts';
import type { Ended } from './messages.ts';
import type { Sample, Tags } from './metrics.ts';
import type { Scenario } from './options.ts';
import type { VirtualUser } from './virtual-user.ts';

/** What all scenarios of a run share. */
export interface Stage {
  record(sample: Sample): void;
  log(line: string): void;
  /** Aborted when the run is to end now: iterations are interrupted, and nobody waits for them. */
  readonly ending: AbortSignal;
  readonly optionTags: Tags;
  /** JSON of what setup returned. */
  readonly setupData: string | undefined;
  /** Unix milliseconds. */
  readonly testStart: number;
}

export async function runScenario(
  scenario: Scenario,
  vus: readonly VirtualUser[],
  stage: Stage,
): Promise<void> {
  const { ending, record } = stage;
  await sleep(scenario.startTimeMs, undefined, { signal: ending }).catch(() => undefined);
  if (ending.aborted) return;
  stage.log(`scenario ${scenario.name} starts`);

  const tags = { ...stage.optionTags, ...scenario.tags };
  const sampleTags = { ...tags, scenario: scenario.name, group: '' };
  const startTime = Date.now();
  const durationMs = durationOf(scenario);
  const iterations = new Map<VirtualUser, number>();
  let started = 0;
  let active = 0;

  const over = endOf(durationMs, scenario.gracefulStopMs, ending, () => {
    for (const vu of vus) vu.interrupt();
  });
  try {
    await execute(scenario, {
      vus,
      ending: over.signal,
      dropped: (count) => {
        if (count > 0) record({ metric: 'dropped_iterations', value: count, tags: sampleTags });
      },
      iterate: async (vu) => {
        const iterationInScenario = iterations.get(vu) ?? 0;
        iterations.set(vu, iterationInScenario + 1);
        record({ metric: 'vus', value: ++active, tags: {} });
        const ended = await vu.call(scenario.exec, [stage.setupData], {
          env: scenario.env,
          tags,
          group: '',
          testStart: stage.testStart,
          scenario: {
            name: scenario.name,
            executor: scenario.executor,
            startTime,
            durationMs,
            iterationInTest: started++,
            iterationInScenario,
          },
        });
        active--;
        if (ended.error) stage.log(`error: ${ended.error}`);
        count(ended);
      },
    });
  } finally {
    over.clear();
  }

  /** An interrupted iteration is none. */
  function count({ interrupted, durationMs: value }: Ended): void {
    if (interrupted) return;
    record({ metric: 'iterations', value: 1, tags: sampleTags });
    record({ metric: 'iteration_duration', value, tags: sampleTags });
  }
}

/**
 * Aborts after a scenario's duration, or with the run. What still runs then is interrupted after the graceful stop,
 * or at once when the run ends.
 */
function endOf(durationMs: number, graceMs: number, ending: AbortSignal, interrupt: () => void) {
  const over = new AbortController();
  let forced: NodeJS.Timeout | undefined;
  const regular = setTimeout(() => {
    over.abort();
    forced = setTimeout(interrupt, graceMs);
  }, durationMs);
  const now = (): void => {
    over.abort();
    interrupt();
  };
  ending.addEventListener('abort', now);
  return {
    signal: over.signal,
    clear(): void {
      clearTimeout(regular);
      clearTimeout(forced);
      ending.removeEventListener('abort', now);
    },
  };
}
