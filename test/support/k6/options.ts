/**
 * A script's options, checked and with k6's defaults ("Options reference" and "Scenarios" of k6's documentation).
 * What is not known here is refused: an option that is silently ignored would make a test prove nothing.
 */

import { parseDuration } from './duration.ts';
import { exitCodes, RunError } from './exit-codes.ts';

type Tags = Readonly<Record<string, string>>;

export interface Dns {
  /** Milliseconds that an address is kept, whatever the record's own TTL; `Infinity` for `inf`. */
  readonly ttlMs: number;
  readonly select: 'first' | 'random' | 'roundRobin';
  readonly policy: 'preferIPv4' | 'preferIPv6' | 'onlyIPv4' | 'onlyIPv6' | 'any';
}

export interface Stage {
  readonly durationMs: number;
  readonly target: number;
}

interface Common {
  readonly name: string;
  readonly exec: string;
  readonly startTimeMs: number;
  readonly gracefulStopMs: number;
  readonly env: Tags;
  readonly tags: Tags;
}

/** Times are milliseconds of the run (already divided by the time scale). */
export type Scenario = Common &
  (
    | {
        readonly executor: 'shared-iterations' | 'per-vu-iterations';
        readonly vus: number;
        readonly iterations: number;
        readonly maxDurationMs: number;
      }
    | { readonly executor: 'constant-vus'; readonly vus: number; readonly durationMs: number }
    | {
        readonly executor: 'ramping-vus';
        readonly startVUs: number;
        readonly stages: readonly Stage[];
        readonly gracefulRampDownMs: number;
      }
    | {
        readonly executor: 'constant-arrival-rate';
        readonly vus: number;
        readonly durationMs: number;
        /** Iterations per millisecond. */
        readonly rate: number;
      }
    | {
        readonly executor: 'ramping-arrival-rate';
        readonly vus: number;
        readonly startRate: number;
        /** Targets are iterations per millisecond. */
        readonly stages: readonly Stage[];
      }
  );

export interface ThresholdOption {
  readonly threshold: string;
  readonly abortOnFail: boolean;
  readonly delayAbortEvalMs: number;
}

export interface Options {
  readonly scenarios: readonly Scenario[];
  /** Metric, or metric with tags, to its thresholds. */
  readonly thresholds: Readonly<Record<string, readonly ThresholdOption[]>>;
  readonly dns: Dns;
  readonly noConnectionReuse: boolean;
  readonly noVUConnectionReuse: boolean;
  readonly noCookiesReset: boolean;
  readonly discardResponseBodies: boolean;
  readonly maxRedirects: number;
  readonly userAgent: string;
  readonly tags: Tags;
  readonly setupTimeoutMs: number;
  readonly teardownTimeoutMs: number;
  readonly summaryTrendStats: readonly string[];
}

/** How much smaller than written a run is. */
export interface Scale {
  /** Divides every time of the options and `sleep`; request timeouts stay. */
  readonly time: number;
  /**
   * Divides arrival rates, VUs and shared iterations. At least one of each remains, and four VUs of those that wait for
   * arrivals: an answer takes as long as ever.
   */
  readonly rate: number;
}

/** VUs above this many would measure this harness and not the system. */
export const mostVUs = 64;

/** VUs that a scenario needs at its peak. */
export function peakVUs(scenario: Scenario): number {
  return scenario.executor === 'ramping-vus'
    ? Math.max(scenario.startVUs, ...scenario.stages.map((stage) => stage.target))
    : scenario.vus;
}

const wrong = (message: string): RunError => new RunError(exitCodes.configuration, message);
const refuse = (message: string): RunError => new RunError(exitCodes.refused, message);

type Raw = Record<string, unknown>;

/** Takes fields out of a raw object; whatever is left at the end was unknown. */
class Fields {
  readonly #left: Map<string, unknown>;
  readonly #where: string;

  constructor(raw: unknown, where: string) {
    if (typeof raw !== 'object' || raw === null || Array.isArray(raw))
      throw wrong(`${where}: expected an object`);
    this.#left = new Map(Object.entries(raw).filter(([, value]) => value !== undefined && value !== null));
    this.#where = where;
  }

  take<T>(name: string, parse: (value: unknown) => T, byDefault?: T): T {
    const value = this.#left.get(name);
    this.#left.delete(name);
    if (value === undefined) {
      if (byDefault === undefined) throw wrong(`${this.#where}: ${name} is missing`);
      return byDefault;
    }
    try {
      return parse(value);
    } catch (error) {
      throw error instanceof RunError ? error : wrong(`${this.#where}.${name}: ${(error as Error).message}`);
    }
  }

  end(): void {
    const [name] = this.#left.keys();
    if (name !== undefined) throw refuse(`${this.#where}.${name}: this harness does not know that option`);
  }
}

const boolean = (value: unknown): boolean => {
  if (typeof value !== 'boolean') throw new Error(`got ${JSON.stringify(value)}, expected true or false`);
  return value;
};

const text = (value: unknown): string => {
  if (typeof value !== 'string') throw new Error(`got ${JSON.stringify(value)}, expected a text`);
  return value;
};

const whole =
  (least: number) =>
  (value: unknown): number => {
    if (!Number.isInteger(value) || (value as number) < least) {
      throw new Error(`got ${JSON.stringify(value)}, expected a whole number from ${least}`);
    }
    return value as number;
  };

const oneOf =
  <T extends string>(...choices: readonly T[]) =>
  (value: unknown): T => {
    if (!choices.includes(value as T))
      throw new Error(`got '${value}', expected one of ${choices.join(', ')}`);
    return value as T;
  };

const tags = (value: unknown): Tags => {
  const fields = Object.entries(value as Raw);
  for (const [name, each] of fields) {
    if (typeof each !== 'string') throw new Error(`got ${name} = ${JSON.stringify(each)}, expected a text`);
  }
  return Object.fromEntries(fields) as Tags;
};

const list =
  <T>(parse: (value: unknown) => T) =>
  (value: unknown): T[] => {
    if (!Array.isArray(value)) throw new Error('expected a list');
    return value.map(parse);
  };

/**
 * @param raw what the script exports as `options`
 * @throws RunError 104 for a wrong value, 70 for an option that this harness does not know
 */
export function readOptions(raw: unknown, scale: Scale): Options {
  const fields = new Fields(raw ?? {}, 'options');
  const time = (value: unknown): number => parseDuration(value) / scale.time;
  const readScenarios = (value: unknown): Scenario[] =>
    Object.entries(value as Raw).map(([name, each]) => readScenario(name, each, scale));
  const scenarios = fields.take(
    'scenarios',
    readScenarios,
    readScenarios({ default: { executor: 'shared-iterations' } }),
  );
  const options: Options = {
    scenarios,
    thresholds: fields.take('thresholds', (value) => readThresholds(value, time), {}),
    dns: fields.take('dns', (value) => readDns(value, time), {
      ttlMs: time('5m'),
      select: 'random',
      policy: 'preferIPv4',
    }),
    noConnectionReuse: fields.take('noConnectionReuse', boolean, false),
    noVUConnectionReuse: fields.take('noVUConnectionReuse', boolean, false),
    noCookiesReset: fields.take('noCookiesReset', boolean, false),
    discardResponseBodies: fields.take('discardResponseBodies', boolean, false),
    maxRedirects: fields.take('maxRedirects', whole(0), 10),
    userAgent: fields.take('userAgent', text, 'meridian-k6-harness'),
    tags: fields.take('tags', tags, {}),
    // A fixture takes as long as it takes: the machine is not faster because the clock is.
    setupTimeoutMs: fields.take('setupTimeout', parseDuration, 60_000),
    teardownTimeoutMs: fields.take('teardownTimeout', parseDuration, 60_000),
    summaryTrendStats: fields.take('summaryTrendStats', list(text), [
      'avg',
      'min',
      'med',
      'max',
      'p(90)',
      'p(95)',
    ]),
  };
  fields.end();
  const vus = scenarios.reduce((sum, scenario) => sum + peakVUs(scenario), 0);
  if (vus > mostVUs) {
    throw refuse(`${vus} VUs are more than the ${mostVUs} that are meaningful here: use --rate-scale`);
  }
  return options;
}

function readScenario(name: string, raw: unknown, scale: Scale): Scenario {
  const where = `options.scenarios.${name}`;
  if (!/^[\w-]+$/.test(name)) throw wrong(`${where}: names are letters, digits, _ and -`);
  const fields = new Fields(raw, where);
  const time = (value: unknown): number => parseDuration(value) / scale.time;
  const count = (value: unknown): number => Math.ceil(whole(0)(value) / scale.rate);
  const some = (value: unknown): number => Math.ceil(whole(1)(value) / scale.rate);
  const executor = fields.take(
    'executor',
    oneOf(
      'shared-iterations',
      'per-vu-iterations',
      'constant-vus',
      'ramping-vus',
      'constant-arrival-rate',
      'ramping-arrival-rate',
    ),
  );
  const common: Common = {
    name,
    exec: fields.take('exec', text, 'default'),
    startTimeMs: fields.take('startTime', time, 0),
    gracefulStopMs: fields.take('gracefulStop', time, time('30s')),
    env: fields.take('env', tags, {}),
    tags: fields.take('tags', tags, {}),
  };
  const scenario = executorOf();
  fields.end();
  return scenario;

  function executorOf(): Scenario {
    switch (executor) {
      case 'shared-iterations':
      case 'per-vu-iterations':
        return {
          ...common,
          executor,
          vus: fields.take('vus', some, 1),
          iterations: fields.take('iterations', executor === 'shared-iterations' ? some : whole(1), 1),
          maxDurationMs: fields.take('maxDuration', time, time('10m')),
        };
      case 'constant-vus':
        return {
          ...common,
          executor,
          vus: fields.take('vus', some, 1),
          durationMs: fields.take('duration', time),
        };
      case 'ramping-vus':
        return {
          ...common,
          executor,
          startVUs: fields.take('startVUs', count, 1),
          stages: fields.take(
            'stages',
            list((stage) => readStage(stage, where, time, count)),
          ),
          gracefulRampDownMs: fields.take('gracefulRampDown', time, time('30s')),
        };
      case 'constant-arrival-rate': {
        const unit = fields.take('timeUnit', time, time('1s'));
        return {
          ...common,
          executor,
          vus: arrivalVUs(fields, where, scale),
          durationMs: fields.take('duration', time),
          rate: fields.take('rate', (value) => ratePerMs(whole(1)(value), unit)),
        };
      }
      case 'ramping-arrival-rate': {
        const unit = fields.take('timeUnit', time, time('1s'));
        const rate = (value: unknown): number => ratePerMs(whole(0)(value), unit);
        return {
          ...common,
          executor,
          vus: arrivalVUs(fields, where, scale),
          startRate: fields.take('startRate', rate, 0),
          stages: fields.take(
            'stages',
            list((stage) => readStage(stage, where, time, rate)),
          ),
        };
      }
    }
  }

  /** Time passes `scale.time` times faster, and so do arrivals: a scaled run has as many of them as the real one. */
  function ratePerMs(rate: number, unitMs: number): number {
    return rate / unitMs / scale.rate;
  }
}

const fewestArrivalVUs = 4;

/** Growing in the middle of a run drops iterations, so all VUs are wanted from the start. */
function arrivalVUs(fields: Fields, where: string, scale: Scale): number {
  const vus = fields.take('preAllocatedVUs', whole(1));
  const most = fields.take('maxVUs', whole(1), vus);
  if (most !== vus) throw refuse(`${where}.maxVUs: this harness allocates all VUs before; leave it out`);
  return Math.min(vus, Math.max(fewestArrivalVUs, Math.ceil(vus / scale.rate)));
}

function readStage(
  raw: unknown,
  where: string,
  time: (value: unknown) => number,
  target: (value: unknown) => number,
): Stage {
  const fields = new Fields(raw, `${where}.stages`);
  const stage = { durationMs: fields.take('duration', time), target: fields.take('target', target) };
  fields.end();
  return stage;
}

function readDns(raw: unknown, time: (value: unknown) => number): Dns {
  const fields = new Fields(raw, 'options.dns');
  const dns: Dns = {
    ttlMs: fields.take(
      'ttl',
      (value) => (value === 'inf' ? Number.POSITIVE_INFINITY : value === '0' ? 0 : time(value)),
      time('5m'),
    ),
    select: fields.take('select', oneOf('first', 'random', 'roundRobin'), 'random'),
    policy: fields.take(
      'policy',
      oneOf('preferIPv4', 'preferIPv6', 'onlyIPv4', 'onlyIPv6', 'any'),
      'preferIPv4',
    ),
  };
  fields.end();
  return dns;
}

function readThresholds(raw: unknown, time: (value: unknown) => number): Options['thresholds'] {
  return Object.fromEntries(
    Object.entries(raw as Raw).map(([metric, each]) => [
      metric,
      list((one): ThresholdOption => {
        if (typeof one === 'string') return { threshold: one, abortOnFail: false, delayAbortEvalMs: 0 };
        const fields = new Fields(one, `options.thresholds.${metric}`);
        const threshold = {
          threshold: fields.take('threshold', text),
          abortOnFail: fields.take('abortOnFail', boolean, false),
          delayAbortEvalMs: fields.take('delayAbortEval', time, 0),
        };
        fields.end();
        return threshold;
      })(each),
    ]),
  );
}
