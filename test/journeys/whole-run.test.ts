/** The whole run ends in the middle of its work, as when the machine's power fails, and starts again. */

import { afterAll, expect, test } from '@jest/globals';
import { isRunning, startOf } from '../../local/process-identity.ts';
import { picture } from '../support/pictures.ts';
import { type OwnRun, startRun } from '../support/run.ts';
import { Viewer } from '../support/viewer.ts';

const name = `test-whole-${process.pid}`;
let run: OwnRun | undefined;

afterAll(async () => {
  await run?.stop();
  run?.forget();
});

/** Every process of a run, with when it began. */
async function processes({ control, pid }: OwnRun): Promise<(readonly [number, string | undefined])[]> {
  const { hosts, resources } = await control.state();
  const pids = [
    pid,
    ...hosts.map((host) => host.pid),
    ...resources.flatMap(({ units }) => units.map((unit) => unit.pid)),
  ];
  return [...new Set(pids)].filter((one) => one !== undefined).map((one) => [one, startOf(one)] as const);
}

test('every picture that was accepted has its labels after a sudden end; the kept data and addresses are used', async () => {
  run = await startRun({ name });
  const { site } = run;
  const viewer = await Viewer.in('DE', site);
  const first = await viewer.upload(picture('chelsea'));
  expect((await viewer.result(first.slot.id)).status).toBe('classified');
  const accepted = await Promise.all(
    (['chelsea', 'coffee'] as const).map((one) => viewer.upload(picture(one))),
  );
  const before = await processes(run);
  expect(before.length).toBeGreaterThan(15);
  await run.kill();

  run = await startRun({ name });
  expect(before.filter(([pid, start]) => isRunning(pid, start))).toEqual([]);
  expect(run.site).toBe(site);
  for (const { slot } of [first, ...accepted]) {
    expect((await viewer.result(slot.id)).status).toBe('classified');
  }

  const after = await processes(run);
  await run.stop();
  expect(after.filter(([pid, start]) => isRunning(pid, start))).toEqual([]);
});
