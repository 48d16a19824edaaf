/** The end of a run: a page for people and JSON for machines. */

interface Data {
  readonly state: { readonly testRunDurationMs: number };
  readonly metrics: Readonly<
    Record<
      string,
      {
        readonly type: string;
        readonly contains: string;
        readonly values: Readonly<Record<string, number>>;
        readonly thresholds?: Readonly<Record<string, { readonly ok: boolean }>>;
      }
    >
  >;
}

/** Percentiles that thresholds and people ask for. */
export const trendStats = ['min', 'med', 'p(95)', 'p(99)', 'max', 'count'];

/**
 * What `handleSummary` returns. JSON goes to `-e SUMMARY=file`, by default `summary-<script>.json`.
 * @param script name, as `load`
 * @param question that the script answers
 */
export function summarize(script: string, question: string, data: Data): Record<string, string> {
  const verdicts = Object.entries(data.metrics).flatMap(([metric, { contains, values, thresholds = {} }]) =>
    Object.entries(thresholds).map(([threshold, { ok }]) => ({
      ok,
      line: `${ok ? '  ok ' : 'FAIL '} ${metric}  ${threshold}  (${shown(threshold, values, contains)})`,
    })),
  );
  const broken = verdicts.filter(({ ok }) => !ok).length;
  const seconds = (data.state.testRunDurationMs / 1000).toFixed(0);
  const text = [
    '',
    question,
    `${verdicts.length - broken} of ${verdicts.length} thresholds hold after ${seconds} s.`,
    '',
    ...verdicts.map(({ line }) => line),
    '',
    '',
  ].join('\n');
  return {
    stdout: text,
    [__ENV['SUMMARY'] ?? `summary-${script}.json`]: JSON.stringify({ script, question, ...data }, null, 2),
  };
}

/** What was measured, in the threshold's own terms. */
function shown(threshold: string, values: Readonly<Record<string, number>>, contains: string): string {
  const aggregate = /^\s*([a-z]+(?:\([\d.]+\))?)/.exec(threshold)?.[1] ?? '';
  const value = values[aggregate];
  if (value === undefined) return 'not shown';
  if (aggregate === 'rate') return `${(value * 100).toFixed(2)} %`;
  return contains === 'time' ? `${value.toFixed(0)} ms` : String(value);
}
