/** The whole run ends in the middle of its work, politely or as when the power fails, and goes on where it was. */

import { afterEach, expect, test } from '@jest/globals';
import { isRunning, startOf } from '../../local/process-identity.ts';
import { picture } from '../support/pictures.ts';
import { type OwnRun, startRun } from '../support/run.ts';
import { type Image, Viewer } from '../support/viewer.ts';

// `local`, since a batch that died with its worker is hidden for 30 s there, and for minutes in the others.
const options = { environment: 'local', name: `test-whole-${process.pid}` };
let run: OwnRun | undefined;

afterEach(async () => {
  await run?.stop();
  run?.forget();
}, 60_000);

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

test.each(['stop', 'kill'] as const)(
  '%s: no process is left, and after the next start every accepted picture has its labels',
  async (end) => {
    run = await startRun({ ...options, flags: ['--fresh'] });
    const { site } = run;
    const viewer = await Viewer.in('DE', site);
    const finished = await viewer.upload(picture('chelsea'));
    const known = await viewer.result(finished.slot.id);
    const accepted = await Promise.all([1, 2, 3, 4].map(() => viewer.upload(picture('coffee'))));
    const before = await processes(run);
    expect(before.length).toBeGreaterThan(15);
    await run[end]();

    run = await startRun(options);
    expect(before.filter(([pid, start]) => isRunning(pid, start))).toEqual([]);
    // The kept data is used, at the kept addresses.
    expect(run.site).toBe(site);
    expect((await viewer.call<Image>('GET', `/api/images/${finished.slot.id}`)).body).toEqual(known);
    for (const { slot } of accepted) {
      const image = await viewer.result(slot.id, 90_000);
      expect(image.labels!.map(({ name }) => name)).toContain('cup');
    }
  },
  240_000,
);
