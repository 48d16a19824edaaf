/** Shapes of load over time. All are open models: people come whether or not the site is quick. */

import type { Scenario, Stage } from 'k6/options';
import { durationSetting } from './settings.ts';

export type ShapeName = 'ramp' | 'spike' | 'soak';

export interface Work {
  /** Exported function. */
  readonly exec: string;
  /** Place of the people who come. */
  readonly place: string;
  /** Arrivals per minute at the shape's full height. */
  readonly perMinute: number;
  /** Seconds that one arrival keeps a VU busy when things are bad: decides how many VUs there must be. */
  readonly busySeconds: number;
  /** Seconds that an arrival may take to end after the last has come. @default 30 */
  readonly patienceSeconds?: number;
}

/** Stages as shares of the full height. */
const shapes: Readonly<Record<ShapeName, () => readonly (readonly [duration: string, height: number])[]>> = {
  /** Does it scale? Slowly up, long enough at the top for tasks to be added, and down. */
  ramp: () => [
    ['5m', 1],
    [durationSetting('DURATION', '10m'), 1],
    ['2m', 0],
  ],
  /** Does it survive a front page? A tenth, ten times as much within ten seconds, and back. */
  spike: () => [
    ['1m', 0.1],
    ['10s', 1],
    [durationSetting('DURATION', '2m'), 1],
    ['10s', 0.1],
    ['1m', 0.1],
  ],
  /** Does it leak? One height for hours. */
  soak: () => [
    ['1m', 1],
    [durationSetting('DURATION', '4h'), 1],
  ],
};

/** @throws Error for a name that is no shape */
export function readShape(name: string): ShapeName {
  if (!(name in shapes)) {
    throw new Error(`got -e SHAPE=${name}, expected one of ${Object.keys(shapes).join(', ')}`);
  }
  return name as ShapeName;
}

/** A scenario of that shape. All VUs are allocated before: adding them on the way drops arrivals. */
export function shaped(shape: ShapeName, work: Work): Scenario {
  const stages: Stage[] = shapes[shape]().map(([duration, height]) => ({
    duration,
    target: Math.round(work.perMinute * height),
  }));
  return {
    executor: 'ramping-arrival-rate',
    exec: work.exec,
    env: { PLACE: work.place },
    startRate: shape === 'ramp' ? 0 : (stages[0]?.target ?? 0),
    timeUnit: '1m',
    stages,
    gracefulStop: `${Math.ceil(work.patienceSeconds ?? 30)}s`,
    preAllocatedVUs: vusFor(work),
  };
}

/** The same number of arrivals all the time. */
export function steady(duration: string, work: Work): Scenario {
  return {
    executor: 'constant-arrival-rate',
    exec: work.exec,
    env: { PLACE: work.place },
    rate: Math.round(work.perMinute),
    timeUnit: '1m',
    duration,
    preAllocatedVUs: vusFor(work),
  };
}

/** Some people, each of whom goes on as long as the test. */
export function loyal(duration: string, exec: string, place: string, vus: number): Scenario {
  return { executor: 'constant-vus', exec, env: { PLACE: place }, vus, duration, gracefulStop: '10s' };
}

/** One after the other, a number of times. */
export function inTurn(exec: string, place: string, iterations: number, vus = 1): Scenario {
  return {
    executor: 'per-vu-iterations',
    exec,
    env: { PLACE: place },
    vus,
    iterations,
    maxDuration: '1h',
  };
}

/** Little's law, and two more for the first moments of a cold connection. */
const vusFor = ({ perMinute, busySeconds }: Work): number => Math.ceil((perMinute / 60) * busySeconds) + 2;
