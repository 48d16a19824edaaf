/** Durations as k6 writes them. */

const unitMs: Readonly<Record<string, number>> = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1000, ms: 1 };

/**
 * Milliseconds of `1h30m`, `500ms`, `1.5s`, or of a number, which is milliseconds already.
 * @throws Error for any other text
 */
export function parseDuration(value: unknown): number {
  if (typeof value === 'number' && Number.isFinite(value) && value >= 0) return value;
  const parts = typeof value === 'string' ? [...value.matchAll(/(\d+(?:\.\d+)?)(ms|[dhms])/g)] : [];
  if (parts.length === 0 || parts.map(([whole]) => whole).join('') !== value) {
    throw new Error(`got duration '${value}', expected one like '30s', '1m30s' or '500ms'`);
  }
  return parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * unitMs[unit!]!, 0);
}
