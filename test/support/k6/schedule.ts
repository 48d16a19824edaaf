/** When iterations start and how many VUs there are: the executors' arithmetic, without a clock. */

import type { Stage } from './options.ts';

/** A rate or number of VUs that changes linearly within each stage. */
interface Segment {
  readonly startMs: number;
  readonly durationMs: number;
  readonly from: number;
  readonly to: number;
}

function segments(start: number, stages: readonly Stage[]): Segment[] {
  let startMs = 0;
  let from = start;
  return stages.map(({ durationMs, target }) => {
    const segment = { startMs, durationMs, from, to: target };
    startMs += durationMs;
    from = target;
    return segment;
  });
}

/**
 * Milliseconds from a scenario's start at which iterations start: the n-th when the area under the rate reaches n.
 * A stage of no duration is a jump of the rate.
 * @param startRate iterations per millisecond
 */
export function* arrivals(startRate: number, stages: readonly Stage[]): Generator<number> {
  let before = 0;
  let next = 0;
  for (const { startMs, durationMs, from, to } of segments(startRate, stages)) {
    const area = ((from + to) / 2) * durationMs;
    const slope = durationMs > 0 ? (to - from) / durationMs : 0;
    for (; next < before + area; next++) {
      const wanted = next - before;
      // Of from·t + slope·t²/2 = wanted, in the form that stands a slope of 0.
      const t =
        wanted === 0 ? 0 : (2 * wanted) / (from + Math.sqrt(Math.max(0, from * from + 2 * slope * wanted)));
      yield startMs + t;
    }
    before += area;
  }
}

/** Arrivals of one rate. */
export const steadyArrivals = (rate: number, durationMs: number): Generator<number> =>
  arrivals(rate, [{ durationMs, target: rate }]);

/** VUs wanted at a moment of a ramp. */
export function vusAt(startVUs: number, stages: readonly Stage[], ms: number): number {
  const all = segments(startVUs, stages);
  const current = all.find((segment) => ms < segment.startMs + segment.durationMs);
  if (!current) return all.at(-1)?.to ?? startVUs;
  const { startMs, durationMs, from, to } = current;
  return Math.round(from + ((to - from) * (ms - startMs)) / durationMs);
}

/** Milliseconds that stages last together. */
export const lengthOf = (stages: readonly Stage[]): number =>
  stages.reduce((sum, { durationMs }) => sum + durationMs, 0);
