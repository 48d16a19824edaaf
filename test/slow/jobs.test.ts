/** Jobs that are accepted while no worker works, that cannot be done yet, or never: nothing is lost, nothing doubled. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import pg from 'pg';
import { type Job, jobVersion } from '../../contract/job.ts';
import { localCredentials } from '../../contract/local.ts';
import type { RunEvent } from '../../local/events.ts';
import type { ResourceReport } from '../../local/state.ts';
import { picture } from '../support/pictures.ts';
import { type OwnRun, project, startRun } from '../support/run.ts';
import { claimOf, Viewer } from '../support/viewer.ts';

const region = 'us-east-1';
const photographs = ['chelsea', 'coffee'] as const;

let run: OwnRun;
let client: SQSClient;
let mapping: string;
let worker: string;
let queueUrl: string;
let bucket: string;

beforeAll(async () => {
  // Half of the template's 30 seconds of visibility, three times; faster, and a cold worker has no time for a picture.
  run = await startRun({ name: 'test-jobs', flags: ['--fresh', '--time-scale', '2'] });
  const { resources } = await run.control.state();
  const find = (what: string, fits: (one: ResourceReport) => boolean): ResourceReport => {
    const found = resources.find((one) => one.region === region && fits(one));
    if (!found) throw new Error(`the run has no ${what} in ${region}`);
    return found;
  };
  const named = (type: string, ending: string) =>
    find(ending, (one) => one.type === type && String(one.describe['name']).endsWith(ending));
  mapping = find(
    'mapping',
    ({ type, logicalId }) => type === 'AWS::Lambda::EventSourceMapping' && logicalId.startsWith('JobsWorker'),
  ).logicalId;
  worker = find(
    'worker',
    ({ type, logicalId }) => type === 'AWS::Lambda::Function' && logicalId.startsWith('JobsWorker'),
  ).logicalId;
  queueUrl = String(named('AWS::SQS::Queue', '-jobs').describe['url']);
  bucket = `meridian-local-media-${(await run.control.state()).account}-${region}-an`;
  client = new SQSClient({ region, endpoint: new URL(queueUrl).origin, credentials: localCredentials });
}, 120_000);

afterAll(async () => {
  client?.destroy();
  await run?.stop();
  run?.forget();
}, 60_000);

test('one that cannot be done among 99 that can: 99 are done, one waits for its mending and is done then', async () => {
  const viewer = await Viewer.in('US', run.site);
  // Accepted, and its picture is not there.
  const slot = await viewer.slot(claimOf(picture('chelsea')));
  const job: Job = {
    version: jobVersion,
    imageId: slot.id,
    owner: 'somebody',
    bucket,
    key: slot.key,
    contentType: 'image/png',
    size: picture('chelsea').byteLength,
    submittedAt: new Date().toISOString(),
  };
  await send(JSON.stringify(job));
  await send('{"version":99}');
  const ids = await upload(99);
  await settled(101);

  // A machine that is busy with something else may have timed out for more than these two.
  const { givenUp } = (await jobs('status')).find(own)!;
  expect(givenUp).toBeGreaterThanOrEqual(2);
  expect((await rows(ids)).classified).toBeGreaterThanOrEqual(99 - (givenUp - 2));
  const letters = await jobs('peek', '--most', '101');
  expect(letters).toHaveLength(givenUp);
  expect(letters).toContainEqual(expect.objectContaining({ region, job }));
  expect(letters).toContainEqual(
    expect.objectContaining({
      region,
      body: '{"version":99}',
      reason: expect.stringMatching(/^not a job message: /),
    }),
  );

  expect((await viewer.put(slot, picture('chelsea'))).status).toBe(200);
  expect((await jobs('redrive', '--dry-run')).find(own)).toEqual({ region, wouldGo: givenUp });
  expect((await jobs('status')).find(own)!.givenUp).toBe(givenUp);
  expect((await jobs('redrive', '--rate', '5')).find(own)).toEqual({ region, goes: givenUp });
  expect((await viewer.result(slot.id)).status).toBe('classified');

  await settled(101);
  expect(await rows(ids)).toEqual({ results: 99, images: 99, classified: 99 });
  // What is no job at all is given up again.
  expect(await jobs('peek')).toMatchObject([{ region, body: '{"version":99}' }]);
  await jobs('purge', '--yes');
  expect((await jobs('status')).find(own)).toEqual({ region, waiting: 0, underWay: 0, givenUp: 0 });
}, 420_000);

test('500 that come while no worker works have one result each, though workers are killed', async () => {
  await run.control.stopResource(region, mapping);
  const ids = await upload(500);
  // A poll that the stop cut off may have taken one; it comes back.
  const { waiting, underWay } = (await jobs('status')).find(own)!;
  expect(waiting + underWay).toBe(500);
  expect(await rows(ids)).toEqual({ results: 0, images: 0, classified: 0 });

  const watching = new AbortController();
  let deliveries = 0;
  let killed = 0;
  const after = (await run.control.state()).lastEvent;
  const watch = (async () => {
    for await (const { event, detail } of batches(after, watching.signal)) {
      deliveries += Number(detail?.['messages']);
      // After some that were done, one that has just begun.
      if (event !== 'batch done' || killed >= 5 || deliveries < 60 * (killed + 1)) continue;
      const { units } = (await run.control.state()).resources.find(
        (one) => one.region === region && one.logicalId === worker,
      )!;
      if (units.length === 0) continue;
      killed += 1;
      await run.control.stopUnit(region, worker, units[killed % units.length]!.id).catch(() => undefined);
    }
  })().catch((error) => {
    if (!watching.signal.aborted) throw error;
  });
  try {
    await run.control.startResource(region, mapping);
    await settled(500);
    const { givenUp } = (await jobs('status')).find(own)!;
    if (givenUp > 0) {
      await jobs('redrive', '--rate', '100');
      await settled(givenUp);
    }
    expect(await rows(ids)).toEqual({ results: 500, images: 500, classified: 500 });
    expect(killed).toBeGreaterThan(0);
    console.log(
      `500 jobs, ${killed} workers killed: ${deliveries - 500} delivered again, ${givenUp} redriven`,
    );
  } finally {
    watching.abort();
    await watch;
  }
}, 600_000);

const own = (row: { readonly region: string }): boolean => row.region === region;

/** Uploads real pictures as several viewers do; returns their ids. */
async function upload(count: number): Promise<string[]> {
  const ids: string[] = [];
  let begun = 0;
  await Promise.all(
    Array.from({ length: 4 }, async () => {
      const viewer = await Viewer.in('US', run.site);
      while (begun < count) {
        begun += 1;
        const { slot } = await viewer.upload(picture(photographs[begun % photographs.length]!));
        ids.push(slot.id);
      }
    }),
  );
  return ids;
}

function send(body: string): Promise<unknown> {
  return client.send(new SendMessageCommand({ QueueUrl: queueUrl, MessageBody: body }));
}

/** Waits until nothing waits and nothing is under way; a second for each job is plenty. */
function settled(most: number): Promise<void> {
  return until(
    'an empty queue',
    async () => {
      const { waiting, underWay } = (await jobs('status')).find(own)!;
      return waiting + underWay === 0;
    },
    60 + most,
  );
}

async function until(what: string, holds: () => Promise<boolean>, seconds = 120): Promise<void> {
  const end = Date.now() + seconds * 1000;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`no ${what} within ${seconds} s`);
  }
}

async function* batches(after: number, signal: AbortSignal): AsyncGenerator<RunEvent> {
  for await (const event of run.control.events(after, signal)) {
    const mine = event.region === region && event.resource === mapping;
    if (mine && event.event.startsWith('batch ')) yield event;
  }
}

/** Result rows of images, how many images have one, and how many of them were classified. */
async function rows(
  ids: readonly string[],
): Promise<{ readonly results: number; readonly images: number; readonly classified: number }> {
  const { endpoints } = await run.control.state();
  const database = new pg.Client({ connectionString: endpoints[region]!['database'] });
  await database.connect();
  try {
    const { rows: found } = await database.query(
      `SELECT count(*)::int AS results, count(DISTINCT id)::int AS images,
              count(*) FILTER (WHERE status = 'classified')::int AS classified
       FROM images WHERE id = ANY($1::uuid[])`,
      [ids],
    );
    return found[0];
  } finally {
    await database.end();
  }
}

/** `npx meridian jobs …` of this run, as JSON. */
// biome-ignore lint/suspicious/noExplicitAny: rows of several shapes; a wrong one fails the assertion.
async function jobs(verb: string, ...flags: readonly string[]): Promise<any[]> {
  const args = ['bin/meridian.ts', 'jobs', verb, 'local', '--json', '--state-dir', run.stateRoot, ...flags];
  const child = spawn(process.execPath, args, { cwd: project, env: { ...process.env, NODE_OPTIONS: '' } });
  let out = '';
  let error = '';
  child.stdout.on('data', (chunk) => (out += chunk));
  child.stderr.on('data', (chunk) => (error += chunk));
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`jobs ${verb} exited with ${code}: ${error}`);
  return JSON.parse(out);
}
