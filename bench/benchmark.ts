/** What a benchmark is: a question, a way to measure, and limits that make the answer pass or fail. */

/** One figure of a benchmark. */
export interface Figure {
  readonly name: string;
  readonly unit: string;
  /** One value per run; the median is judged. */
  readonly values: readonly number[];
  /** Highest median that passes; a figure without one is reported only. */
  readonly limit?: number;
}

export interface Benchmark {
  /** Name on the command line. */
  readonly name: string;
  /** What a reader wants to know. */
  readonly question: string;
  /** Runs it that many times. */
  measure(runs: number, progress: (line: string) => void): Promise<readonly Figure[]>;
}

/** Middle value; the mean of the two middle ones for an even count. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
