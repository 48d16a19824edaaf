/** A region is lost, drained, and brought back; then all of them are lost. One run, whose clock goes faster. */

import { DeleteObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { environments } from '../../config/environments.ts';
import { failoverChain } from '../../config/geography.ts';
import { drainKey } from '../../contract/http.ts';
import { localCredentials } from '../../contract/local.ts';
import { Clock } from '../../local/clock.ts';
import type { RunEvent } from '../../local/events.ts';
import { Crowd } from '../support/crowd.ts';
import { heal, type OwnRun, startRun } from '../support/run.ts';
import { Viewer } from '../support/viewer.ts';

jest.setTimeout(300_000);

const clock = new Clock(5);
const homes = { DE: 'eu-west-1', US: 'us-east-1', JP: 'ap-southeast-1' } as const;
const places = Object.keys(homes) as (keyof typeof homes)[];
const lost = homes.DE;
const [, next] = failoverChain(environments['local']!, lost) as [string, string];

/** Seconds of the template: two failed checks after the interval before them, and the TTL of an alias. */
const allowance = { interval: 10, threshold: 2, ttl: 60 } as const;

let run: OwnRun;
let crowd: Crowd | undefined;

beforeAll(async () => {
  run = await startRun({
    name: `test-regions-${process.pid}`,
    flags: ['--fresh', '--time-scale', String(clock.scale)],
  });
}, 120_000);

afterEach(async () => {
  await crowd?.leave();
  crowd = undefined;
});

afterAll(async () => {
  await run?.stop();
  run?.forget();
}, 120_000);

const last = async () => (await run.control.state()).lastEvent;

/** Everybody is answered at home. */
async function gather(): Promise<Crowd> {
  crowd = await Crowd.at(run.site, places);
  await Promise.all(places.map((place) => crowd!.settled(place, homes[place])));
  return crowd;
}

/** The edge has another address for the place's origin than before. */
const moved =
  (place: string) =>
  ({ event, detail }: RunEvent): boolean =>
    event === 'name moved' && detail?.['place'] === place;

/** The check that decides about a region: that of two others. */
async function checkOf(region: string): Promise<string> {
  const { resources } = await run.control.state();
  const word = region.replaceAll('-', '');
  const found = resources.filter(
    ({ type, logicalId }) =>
      type === 'AWS::Route53::HealthCheck' && logicalId.toLowerCase().replaceAll('-', '').includes(word),
  );
  expect(found.length).toBeGreaterThan(0);
  return found.map(({ logicalId }) => logicalId).join(' ');
}

describe('a region that is killed', () => {
  test('its viewers get the next nearest as soon as the clock allows, nobody else notices, and they return', async () => {
    const people = await gather();
    const checks = await checkOf(lost);
    const before = await last();
    const { interval, threshold, ttl } = allowance;
    const stopping = run.control.stopRegion(lost);
    // By the run's clock no check and no kept answer takes longer.
    const order: string[] = [];
    const over = new Promise<void>((resolve) =>
      setTimeout(
        () => {
          order.push('allowance over');
          resolve();
        },
        clock.ms(interval * threshold + interval + ttl),
      ),
    );
    await stopping;
    const unhealthy = await run.control.waitFor(
      ({ resource, event }) => event === 'unhealthy' && checks.includes(resource),
      before,
    );
    order.push('unhealthy');
    const move = await run.control.waitFor(moved('DE'), before, 60_000);
    order.push('moved');
    await over;
    expect(order).toEqual(['unhealthy', 'moved', 'allowance over']);
    expect(unhealthy.id).toBeLessThan(move.id);

    await people.settled('DE', next);
    expect(people.regions('DE')).toEqual([lost, next]);
    // From the first answer of the next region on nothing fails any more.
    const first = people.seen.findIndex(({ place, region }) => place === 'DE' && region === next);
    expect(people.seen.slice(first).filter(({ region }) => region === undefined)).toEqual([]);
    for (const place of ['US', 'JP'] as const) {
      expect(people.failures(place)).toEqual([]);
      expect(people.regions(place)).toEqual([homes[place]]);
    }

    const failed = people.failures().length;
    await run.control.startRegion(lost);
    await people.settled('DE', lost);
    expect(people.failures()).toHaveLength(failed);
  });
});

describe('a region that is drained', () => {
  test('by one object in its neighbour’s bucket: its viewers move and return without a failed request', async () => {
    await heal(run);
    const people = await gather();
    const { account, endpoints } = await run.control.state();
    const bucket = `meridian-local-media-${account}-${next}-an`;
    const s3 = new S3Client({
      region: next,
      endpoint: endpoints[next]!['s3']!,
      credentials: localCredentials,
      forcePathStyle: true,
    });
    const object = { Bucket: bucket, Key: drainKey(lost) };
    await s3.send(new PutObjectCommand({ ...object, Body: 'by the operator' }));
    await people.settled('DE', next);
    // The region itself works on: it is the operator's word that moves its viewers.
    const drained = await run.control.state();
    expect(drained.hosts.every(({ alive }) => alive)).toBe(true);
    await s3.send(new DeleteObjectCommand(object));
    await people.settled('DE', lost);
    s3.destroy();
    expect(people.failures()).toEqual([]);
    expect(people.regions('DE')).toEqual([lost, next]);
    expect(people.regions('US')).toEqual([homes.US]);
    expect(people.regions('JP')).toEqual([homes.JP]);
  });
});

test('without any origin the edge still has the assets, and the page it had before', async () => {
  await heal(run);
  const viewer = await Viewer.in('DE', run.site);
  const page = await (await viewer.fetch('/')).text();
  const assets = [...new Set(page.match(/\/assets\/[\w.-]+/g))];
  expect(assets.length).toBeGreaterThan(1);
  for (const asset of assets) expect((await viewer.fetch(asset)).status).toBe(200);

  await Promise.all(Object.values(homes).map((region) => run.control.stopRegion(region)));
  expect((await viewer.fetch('/api/images?limit=1')).status).toBe(502);
  let stale = await viewer.fetch('/');
  // The page is fresh for five seconds, by its own header.
  for (const end = Date.now() + 30_000; Number(stale.headers.get('age')) <= 5 && Date.now() < end; ) {
    expect(stale.status).toBe(200);
    await stale.arrayBuffer();
    stale = await viewer.fetch('/');
  }
  expect(Number(stale.headers.get('age'))).toBeGreaterThan(5);
  expect(stale.status).toBe(200);
  expect(await stale.text()).toBe(page);
  for (const asset of assets) expect((await viewer.fetch(asset)).status).toBe(200);
});
