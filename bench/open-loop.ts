/**
 * The one load generator of the benchmarks: requests leave at their appointed times, whatever the answers do, and
 * latency counts from the appointed time. So a server that stalls is charged for all who would have come meanwhile
 * ("coordinated omission").
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { Pool } from 'undici';

export interface Load {
  /** As `http://127.0.0.1:8080`. */
  readonly origin: string;
  readonly path: (n: number) => string;
  readonly headers?: Record<string, string>;
  readonly perSecond: number;
  readonly seconds: number;
}

/**
 * Milliseconds of every request, in ascending order.
 * @throws Error when one of them is not answered with 200
 */
export async function openLoop({ origin, path, headers = {}, perSecond, seconds }: Load): Promise<number[]> {
  const pool = new Pool(origin, { connections: 64, pipelining: 1 });
  const latencies: number[] = [];
  const began = performance.now();
  const one = async (n: number, due: number) => {
    const { statusCode, body } = await pool.request({ method: 'GET', path: path(n), headers });
    await body.dump();
    if (statusCode !== 200) throw new Error(`${origin}${path(n)} answered ${statusCode}`);
    latencies.push(performance.now() - due);
  };
  const sent: Promise<void>[] = [];
  try {
    for (let n = 0; n < perSecond * seconds; n++) {
      const due = began + (n * 1000) / perSecond;
      // Timers have whole milliseconds; what is due in less goes at once.
      if (due - performance.now() > 1) await sleep(due - performance.now() - 1);
      sent.push(one(n, Math.max(due, began)));
    }
    await Promise.all(sent);
  } finally {
    await pool.close();
  }
  return latencies.sort((a, b) => a - b);
}

/** Exact value below which a share of sorted values lies. */
export const percentile = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)]!;
