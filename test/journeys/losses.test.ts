/** What is lost and comes back: nothing that was acknowledged goes with it. */

import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { picture } from '../support/pictures.ts';
import { sharedRun } from '../support/run.ts';
import { Viewer } from '../support/viewer.ts';

const run = sharedRun();
const region = 'eu-west-1';
const chelsea = picture('chelsea');

/** Logical id of the one resource of a type in a region, whose name in the template has a word in it. */
async function idOf(type: string, word = ''): Promise<string> {
  const { resources } = await run.control.state();
  const found = resources.filter(
    (one) => one.type === type && one.region === region && one.logicalId.includes(word),
  );
  expect(found).toHaveLength(1);
  return found[0]!.logicalId;
}

test('a web task ends while pictures come in: each one accepted has its labels', async () => {
  const viewer = await Viewer.in('DE', run.site);
  const service = await idOf('AWS::ECS::Service');
  const before = (await run.control.state()).lastEvent;
  const accepted: string[] = [];
  const uploads = (async () => {
    for (let n = 0; n < 12; n++) {
      // A request that met the ended task may fail: only what was acknowledged counts.
      const upload = await viewer.upload(chelsea).catch(() => undefined);
      if (upload) accepted.push(upload.slot.id);
    }
  })();
  await run.control.stopUnit(region, service, '0');
  await uploads;
  expect(accepted.length).toBeGreaterThan(6);
  for (const id of accepted) expect((await viewer.result(id)).status).toBe('classified');
  // The service brings back what the template keeps up.
  await run.control.waitFor(
    (event) => event.region === region && event.resource === service && event.event === 'task started',
    before,
  );
});

test('the worker is away while pictures come in: they wait, and are done when it is back', async () => {
  const viewer = await Viewer.in('DE', run.site);
  const poller = await idOf('AWS::Lambda::EventSourceMapping', 'Worker');
  await run.control.stopResource(region, poller);
  const uploads = await Promise.all([1, 2, 3, 4].map(() => viewer.upload(chelsea)));
  for (const { slot } of uploads) {
    const { body } = await viewer.call<{ status: string }>('GET', `/api/images/${slot.id}`);
    expect(body.status).toBe('waiting');
  }
  await run.control.startResource(region, poller);
  for (const { slot } of uploads) expect((await viewer.result(slot.id)).status).toBe('classified');
});

test('worker processes are killed at work: every picture still has one result', async () => {
  const viewer = await Viewer.in('DE', run.site);
  const { resources } = await run.control.state();
  const worker = resources.find(
    (one) => one.type === 'AWS::Lambda::Function' && one.region === region && /worker/i.test(one.logicalId),
  )!;
  const uploads = await Promise.all([1, 2, 3, 4, 5, 6].map(() => viewer.upload(chelsea)));
  const kill = async () => {
    const deadline = performance.now() + 20_000;
    while (performance.now() < deadline) {
      const now = await run.control.state();
      const here = now.resources.find((one) => one.region === region && one.logicalId === worker.logicalId);
      const units = here?.units ?? [];
      const unit = units.find(({ state }) => state === 'running');
      if (unit) {
        await run.control.stopUnit(region, worker.logicalId, unit.id).catch(() => {});
        return true;
      }
      await sleep(20);
    }
    return false;
  };
  expect(await kill()).toBe(true);
  for (const { slot } of uploads) expect((await viewer.result(slot.id, 90_000)).status).toBe('classified');
});
