/**
 * Proof that a script saw what it meant to see. A threshold on a metric without a sample can pass (grafana/k6 #4283),
 * so a script whose requests never happened would be green. Here everything expected is counted as 0 in setup, and its
 * threshold wants more.
 */

import { Counter } from 'k6/metrics';

const seen = new Counter('seen');

/** Thresholds for what must be seen at least once. Names are letters, digits, `_` and `-`. */
export function mustSee(names: readonly string[]): Record<string, string[]> {
  return Object.fromEntries(names.map((name) => [`seen{what:${name}}`, ['count>0']]));
}

/** Called in setup: makes a sample of everything expected. */
export function expectToSee(names: readonly string[]): void {
  for (const what of names) seen.add(0, { what });
}

export function saw(name: string): void {
  seen.add(1, { what: name });
}
