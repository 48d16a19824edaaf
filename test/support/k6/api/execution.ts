/** The module `k6/execution`. */

import { Interrupted, only, vu as own } from './vu.ts';

function current() {
  const { scenario } = own.place;
  if (!scenario) throw new Error('there is no scenario in setup, teardown or while loading');
  return scenario;
}

const unixNow = Date.now;

export const scenario = only('exec.scenario', {
  get name(): string {
    return current().name;
  },
  get executor(): string {
    return current().executor;
  },
  get startTime(): number {
    return current().startTime;
  },
  /** 0 to 1, of the scenario's duration. */
  get progress(): number {
    const { startTime, durationMs } = current();
    if (!Number.isFinite(durationMs)) own.refuse('exec.scenario.progress of a scenario without a duration');
    return Math.min(1, (unixNow() - startTime) / durationMs);
  },
  get iterationInTest(): number {
    return current().iterationInTest;
  },
  get iterationInInstance(): number {
    return current().iterationInTest;
  },
});

export const instance = only('exec.instance', {
  /** Milliseconds of this machine, which a time scale does not stretch. */
  get currentTestRunDuration(): number {
    return unixNow() - own.place.testStart;
  },
});

export const test = only('exec.test', {
  abort(reason = ''): never {
    own.say({ kind: 'abort', reason });
    throw new Interrupted();
  },
});

export const vu = only('exec.vu', {
  get idInTest(): number {
    return own.data.vu;
  },
  get idInInstance(): number {
    return own.data.vu;
  },
  get iterationInInstance(): number {
    return own.place.iteration;
  },
  get iterationInScenario(): number {
    return current().iterationInScenario;
  },
  metrics: only('exec.vu.metrics', {
    get tags(): Record<string, string> {
      return own.tags;
    },
  }),
});

export default only('k6/execution', { scenario, instance, test, vu });
