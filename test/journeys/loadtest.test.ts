/** The load tests, as they are, against the healthy planet at a small scale. */

import { join } from 'node:path';
import { expect, jest, test } from '@jest/globals';
import { type K6Run, startK6 } from '../support/k6/spawn.ts';
import { sharedRun } from '../support/run.ts';

jest.setTimeout(180_000);

const run = sharedRun();
const folder = join(import.meta.dirname, '../../loadtest');

/** Workers and load share this machine: what counts here is that everything was measured and nothing failed. */
const PATIENCE = '20';

/** Starts a script against the shared run; the caller ends it. */
function start(name: string, env: Readonly<Record<string, string>>, timeScale = 1, rateScale = 1): K6Run {
  return startK6(join(folder, `${name}.ts`), {
    env: { ...env, PATIENCE, BASE_URL: run.site, SUMMARY: '/dev/null' },
    timeScale,
    rateScale,
    limitMs: 150_000,
  });
}

async function expectPass(k6: K6Run): Promise<void> {
  const ended = await k6.ended;
  const { verdicts = [] } = ended.result ?? {};
  expect(verdicts.filter(({ ok }) => !ok)).toEqual([]);
  // Nothing measured would prove nothing.
  const silent = verdicts.filter(({ empty, threshold }) => empty && !/^count(==0|<)/.test(threshold));
  expect(silent).toEqual([]);
  expect(ended.stdout).toContain('thresholds hold');
  expect(ended.exitCode).toBe(0);
}

test.each([
  ['smoke', {}, 1, 1],
  ['load', { SHAPE: 'spike', DURATION: '10s', RATE: '6' }, 15, 15],
  ['replication', { WRITES: '2' }, 1, 1],
] as const)('%s passes', async (name, env, timeScale, rateScale) => {
  const k6 = start(name, env, timeScale, rateScale);
  try {
    await expectPass(k6);
  } finally {
    k6.kill();
  }
});

test('backlog passes: workers that were away find everything that was accepted', async () => {
  const workers = (await run.control.state()).resources.filter(
    ({ type, logicalId }) => type === 'AWS::Lambda::EventSourceMapping' && logicalId.includes('Worker'),
  );
  expect(workers).toHaveLength(3);
  for (const { region, logicalId } of workers) await run.control.stopResource(region, logicalId);
  const k6 = start('backlog', { SENDERS: '1', PICTURES: '3' }, 2);
  try {
    for (const { region, logicalId } of workers) {
      await k6.says(`${region}: 3 pictures sent, 3 wait for their labels`);
      await run.control.startResource(region, logicalId);
    }
    await expectPass(k6);
  } finally {
    k6.kill();
  }
});
