/** The module `k6`. */

import { only, vu } from './vu.ts';

type Check = boolean | ((value: unknown) => unknown);

const now = performance.now.bind(performance);

/** Each check is one sample of `checks`; the answer is whether all held. */
export function check(
  value: unknown,
  checks: Record<string, Check>,
  tags: Record<string, string> = {},
): boolean {
  let all = true;
  for (const [name, test] of Object.entries(checks)) {
    let ok = false;
    try {
      ok = Boolean(typeof test === 'function' ? test(value) : test);
    } finally {
      vu.add('checks', ok ? 1 : 0, { ...tags, check: name });
    }
    all &&= ok;
  }
  return all;
}

export function group<T>(name: string, work: () => T): T {
  if (name.includes('::')) throw new Error(`got group '${name}', expected a name without ::`);
  const outer = vu.group;
  const started = now();
  vu.group = `${outer}::${name}`;
  try {
    const value = work();
    if (value instanceof Promise) return vu.refuse('an async function in group()');
    return value;
  } finally {
    vu.add('group_duration', now() - started);
    vu.group = outer;
  }
}

/** @param seconds of the script; the time scale shortens them */
export function sleep(seconds: number): void {
  if (vu.phase === 'init') throw new Error('sleep() is only there in functions, not while loading');
  if (!(seconds >= 0)) throw new Error(`got sleep(${seconds}), expected seconds from 0`);
  vu.sleep(seconds * 1000);
}

export function fail(message = ''): never {
  throw new Error(message);
}

export default only('k6', { check, group, sleep, fail });
