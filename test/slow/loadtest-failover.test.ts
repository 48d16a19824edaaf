/** The failover script: it needs its three options, and sees a real region of a real run go. */

import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { describe, expect, jest, test } from '@jest/globals';
import { type Faults, startFakeSite } from '../loadtest/fake-site.ts';
import { nameServer } from '../loadtest/harness/name-server.ts';
import { scriptFolder } from '../loadtest/harness/scripts.ts';
import { runScript } from '../support/k6/run.ts';
import { startK6 } from '../support/k6/spawn.ts';
import { startRun } from '../support/run.ts';

jest.setTimeout(300_000);

const project = join(import.meta.dirname, '../..');
const script = join(project, 'loadtest/failover.ts');
const lost = 'eu-west-1';

describe("names that move, and k6's habits", () => {
  const folder = scriptFolder();
  mkdirSync(join(folder, 'loadtest'));
  symlinkSync(join(project, 'samples'), join(folder, 'samples'));

  /** The script with other options than its own. */
  function changed(name: string, options: string): string {
    const file = join(folder, 'loadtest', `${name}.ts`);
    const original = relative(join(folder, 'loadtest'), script);
    writeFileSync(
      file,
      `import { options as ours } from '${original}';
       export * from '${original}';
       export const options = { ...ours, ${options} };`,
    );
    return file;
  }

  const hanging: Faults = { lost };
  const answering: Faults = { failedReads: 1, failedAcceptances: 1 };

  test.each([
    ['passes with its own options', script, '300ms', hanging, 0],
    ['passes with them when the region still answers, badly', script, '300ms', answering, 0],
    [
      "fails with k6's defaults",
      changed('defaults', 'dns: undefined, noConnectionReuse: false'),
      '60s',
      hanging,
      99,
    ],
    ["fails with k6's default DNS alone", changed('dns', 'dns: undefined'), '300ms', hanging, 99],
    [
      'fails with kept connections alone',
      changed('reuse', 'noConnectionReuse: false'),
      '300ms',
      answering,
      99,
    ],
    ["fails with k6's default timeout alone", script, '60s', hanging, 99],
  ])('%s', async (_, file, TIMEOUT, faults, exitCode) => {
    let moved = false;
    const [first, second] = await Promise.all([
      startFakeSite({ servedBy: lost }),
      startFakeSite({ servedBy: 'us-east-1' }),
    ]);
    try {
      const names = await nameServer(() => (moved ? '198.18.0.2' : '198.18.0.1'));
      const address = (url: string) => ({ host: '127.0.0.1', port: Number(new URL(url).port) });
      const timers: NodeJS.Timeout[] = [];
      const ended = await runScript({
        script: file,
        env: {
          BASE_URL: 'http://www.site.test',
          VIEWERS: `${lost}=DE`,
          LOST: lost,
          DURATION: '3m',
          MAX_OUTAGE: '2s',
          TIMEOUT,
          VIEWERS_PER_PLACE: '1',
        },
        scale: { time: 30, rate: 1 },
        dns: names,
        addresses: { '198.18.0.1': address(first.url), '198.18.0.2': address(second.url) },
        log: (line) => {
          if (!line.startsWith('scenario ')) return;
          // The region breaks, and its names move when that has been noticed.
          timers.push(
            setTimeout(() => {
              first.faults = { ...faults, servedBy: lost };
            }, 500),
          );
          timers.push(
            setTimeout(() => {
              moved = true;
            }, 1000),
          );
        },
      });
      for (const timer of timers) clearTimeout(timer);
      expect(ended.exitCode).toBe(exitCode);
      const seen = ended.verdicts.find(({ metric }) => metric === `seen{what:moved-${lost}}`);
      expect(seen?.ok).toBe(exitCode === 0);
    } finally {
      first.close();
      second.close();
    }
  });
});

test('a region of a whole run goes: its viewers move, the others notice nothing', async () => {
  const timeScale = 10;
  const run = await startRun({
    name: `k6-${process.pid}`,
    flags: ['--fresh', '--time-scale', String(timeScale)],
  });
  try {
    const k6 = startK6(script, {
      env: {
        BASE_URL: run.site,
        LOST: lost,
        DURATION: '6m',
        // Seconds of this machine, which a busy one needs more of.
        MAX_OUTAGE: '25s',
        VIEWERS_PER_PLACE: '1',
        SUMMARY: '/dev/null',
      },
      timeScale,
      limitMs: 200_000,
    });
    try {
      await k6.says(`scenario ${lost} starts`);
      await run.control.stopRegion(lost);
      const ended = await k6.ended;
      expect(ended.stdout).toContain('thresholds hold');
      expect(ended.result?.verdicts.filter(({ ok, empty }) => !ok || empty)).toEqual([]);
      expect(ended.exitCode).toBe(0);
    } finally {
      k6.kill();
    }
  } finally {
    await run.stop();
    run.forget();
  }
});
