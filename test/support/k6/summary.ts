/** The end of a run: the object that `handleSummary` gets ("Custom summary"), and a text without it. */

import type { Metrics, Sample, Values } from './metrics.ts';
import type { Options } from './options.ts';
import type { Verdict } from './thresholds.ts';

interface Check {
  readonly name: string;
  readonly path: string;
  passes: number;
  fails: number;
}

interface Group {
  readonly name: string;
  readonly path: string;
  readonly groups: Group[];
  readonly checks: Check[];
}

/** Groups and the checks in them, grown from samples. */
export class ChecksTree {
  readonly root: Group = { name: '', path: '', groups: [], checks: [] };

  add({ metric, value, tags }: Sample): void {
    if (metric !== 'checks') return;
    const name = tags['check'] ?? '';
    const group = (tags['group'] ?? '').split('::').slice(1).reduce(child, this.root);
    let check = group.checks.find((each) => each.name === name);
    if (!check) {
      check = { name, path: `${group.path}::${name}`, passes: 0, fails: 0 };
      group.checks.push(check);
    }
    if (value === 1) check.passes++;
    else check.fails++;
  }
}

function child(group: Group, name: string): Group {
  const known = group.groups.find((each) => each.name === name);
  if (known) return known;
  const made: Group = { name, path: `${group.path}::${name}`, groups: [], checks: [] };
  group.groups.push(made);
  return made;
}

export interface SummaryData {
  readonly options: {
    readonly summaryTrendStats: readonly string[];
    readonly summaryTimeUnit: string;
    readonly noColor: boolean;
  };
  readonly state: {
    readonly isStdOutTTY: boolean;
    readonly isStdErrTTY: boolean;
    readonly testRunDurationMs: number;
  };
  readonly metrics: Readonly<
    Record<
      string,
      {
        readonly type: string;
        readonly contains: string;
        readonly values: Values;
        readonly thresholds?: Readonly<Record<string, { readonly ok: boolean }>>;
      }
    >
  >;
  readonly root_group: Group;
  readonly setup_data: unknown;
}

export function summaryData(
  metrics: Metrics,
  checks: ChecksTree,
  verdicts: readonly Verdict[],
  options: Options,
  seconds: number,
  setupData: string | undefined,
): SummaryData {
  const judged = (name: string): Record<string, { ok: boolean }> =>
    Object.fromEntries(
      verdicts.filter(({ metric }) => metric === name).map(({ threshold, ok }) => [threshold, { ok }]),
    );
  // A metric that has a threshold is shown, whether or not it has a sample.
  const shown = new Map(metrics.list().map((metric) => [metric.name, metric]));
  for (const { metric } of verdicts) shown.set(metric, metrics.watch(metric));
  return {
    options: { summaryTrendStats: options.summaryTrendStats, summaryTimeUnit: '', noColor: true },
    state: { isStdOutTTY: false, isStdErrTTY: false, testRunDurationMs: seconds * 1000 },
    metrics: Object.fromEntries(
      [...shown.values()].map((metric) => {
        const thresholds = judged(metric.name);
        return [
          metric.name,
          {
            type: metric.type,
            contains: metric.contains,
            values: metric.values(options.summaryTrendStats, seconds),
            ...(Object.keys(thresholds).length > 0 && { thresholds }),
          },
        ];
      }),
    ),
    root_group: checks.root,
    setup_data: setupData === undefined ? null : JSON.parse(setupData),
  };
}

/** One line per metric and threshold. */
export function textSummary({ metrics }: SummaryData): string {
  const lines = Object.entries(metrics).flatMap(([name, { values, thresholds = {} }]) => [
    `${name}: ${Object.entries(values)
      .map(([key, value]) => `${key}=${Math.round(value * 1000) / 1000}`)
      .join(' ')}`,
    ...Object.entries(thresholds).map(([text, { ok }]) => `  ${ok ? 'ok    ' : 'broken'} ${text}`),
  ]);
  return `${lines.join('\n')}\n`;
}
