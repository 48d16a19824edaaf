/** The load tests, as they are, against the healthy planet at a small scale. */

import { join } from 'node:path';
import { expect, jest, test } from '@jest/globals';
import { startK6 } from '../support/k6/spawn.ts';
import { sharedRun } from '../support/run.ts';

jest.setTimeout(180_000);

const run = sharedRun();
const folder = join(import.meta.dirname, '../../loadtest');

/** Workers and load share this machine: what counts here is that everything was measured and nothing failed. */
const PATIENCE = '20';

test.each([
  ['smoke', {}, 1, 1],
  ['load', { SHAPE: 'spike', DURATION: '10s', RATE: '6', PATIENCE }, 15, 15],
  ['backlog', { SENDERS: '2', PICTURES: '4', PATIENCE }, 3, 1],
  ['replication', { WRITES: '2', PATIENCE }, 1, 1],
] as const)('%s passes', async (name, env, timeScale, rateScale) => {
  const k6 = startK6(join(folder, `${name}.ts`), {
    env: { ...env, BASE_URL: run.site, SUMMARY: '/dev/null' },
    timeScale,
    rateScale,
    limitMs: 150_000,
  });
  try {
    const ended = await k6.ended;
    const { verdicts = [] } = ended.result ?? {};
    expect(verdicts.filter(({ ok }) => !ok)).toEqual([]);
    // Nothing measured would prove nothing.
    const silent = verdicts.filter(({ empty, threshold }) => empty && !/^count(==0|<)/.test(threshold));
    expect(silent).toEqual([]);
    expect(ended.stdout).toContain('thresholds hold');
    expect(ended.exitCode).toBe(0);
  } finally {
    k6.kill();
  }
});
