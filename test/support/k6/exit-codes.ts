/** How a run ends: k6's documented exit codes, and one of our own. */

export const exitCodes = {
  passed: 0,
  /** At least one threshold failed. */
  thresholds: 99,
  setupTimeout: 100,
  teardownTimeout: 101,
  /** An option is wrong. */
  configuration: 104,
  /** Loading the script, setup or teardown threw. */
  exception: 107,
  /** The script called `exec.test.abort`. */
  aborted: 108,
  /** Not of k6: the script uses something that this harness does not know, so nothing it says would count. */
  refused: 70,
} as const;

/** Ends a run with a code and a sentence. */
export class RunError extends Error {
  readonly exitCode: number;

  constructor(exitCode: number, message: string) {
    super(message);
    this.exitCode = exitCode;
  }
}
