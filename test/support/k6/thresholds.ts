/** Thresholds: `<aggregate> <operator> <number>` ("Thresholds" in k6's documentation). */

import { exitCodes, RunError } from './exit-codes.ts';
import type { Metric, Metrics } from './metrics.ts';
import type { Options } from './options.ts';

/** Aggregates that a threshold may name; a summary shows some more. */
const aggregates = {
  counter: /^(count|rate)$/,
  gauge: /^value$/,
  rate: /^rate$/,
  trend: /^(avg|min|max|med|p\(\d+(\.\d+)?\))$/,
} as const;

const operators: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  '<': (a, b) => a < b,
  '<=': (a, b) => a <= b,
  '>': (a, b) => a > b,
  '>=': (a, b) => a >= b,
  '==': (a, b) => a === b,
  '===': (a, b) => a === b,
  '!=': (a, b) => a !== b,
};

export interface Verdict {
  /** Metric, or metric with tags. */
  readonly metric: string;
  readonly threshold: string;
  readonly ok: boolean;
  readonly value: number;
  /** Nothing was measured: k6 lets some of these pass (grafana/k6 #4283). */
  readonly empty: boolean;
}

interface Threshold {
  readonly metric: Metric;
  readonly text: string;
  readonly abortOnFail: boolean;
  readonly delayAbortEvalMs: number;
  readonly aggregate: string;
  holds(value: number): boolean;
}

export class Thresholds {
  readonly #thresholds: readonly Threshold[];

  /** @throws RunError 104 for a metric that does not exist or an expression that is none */
  constructor(options: Options['thresholds'], metrics: Metrics) {
    this.#thresholds = Object.entries(options).flatMap(([key, all]) =>
      all.map(({ threshold, abortOnFail, delayAbortEvalMs }) => {
        try {
          const metric = metrics.watch(key);
          return { metric, text: threshold, abortOnFail, delayAbortEvalMs, ...parse(threshold, metric) };
        } catch (error) {
          throw new RunError(
            exitCodes.configuration,
            `invalid threshold '${threshold}' on ${key}: ${(error as Error).message}`,
          );
        }
      }),
    );
  }

  /** @param seconds that the run has lasted */
  judge(seconds: number): readonly Verdict[] {
    return this.#thresholds.map((threshold) => verdict(threshold, seconds));
  }

  /** The first one that ends the run now. */
  aborting(seconds: number): Verdict | undefined {
    return this.#thresholds
      .filter((one) => one.abortOnFail && one.metric.samples > 0 && seconds * 1000 >= one.delayAbortEvalMs)
      .map((one) => verdict(one, seconds))
      .find(({ ok }) => !ok);
  }
}

function verdict({ metric, text, aggregate, holds }: Threshold, seconds: number): Verdict {
  const value = metric.read(aggregate, seconds);
  const empty = metric.samples === 0;
  // A share of nothing is not judged by k6.
  return {
    metric: metric.name,
    threshold: text,
    ok: holds(value) || (empty && metric.type === 'rate'),
    value,
    empty,
  };
}

function parse(text: string, metric: Metric): Pick<Threshold, 'aggregate' | 'holds'> {
  const [, aggregate, operator, number] =
    /^\s*([a-z]+(?:\(\d+(?:\.\d+)?\))?)\s*(<=|>=|===?|!=|<|>)\s*(-?\d+(?:\.\d+)?)\s*$/.exec(text) ?? [];
  if (aggregate === undefined) throw new Error("expected one like 'p(95) < 500'");
  if (!aggregates[metric.type].test(aggregate)) throw new Error(`a ${metric.type} has no '${aggregate}'`);
  return { aggregate, holds: (value) => operators[operator!]!(value, Number(number)) };
}
