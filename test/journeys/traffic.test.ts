/** A region loses a part that requests can do without: its viewers stay, and read on. Who comes by the back door is refused. */

import { afterEach, expect, test } from '@jest/globals';
import { headers as names, paths } from '../../contract/http.ts';
import { Crowd } from '../support/crowd.ts';
import { ask, talk } from '../support/parts.ts';
import { sharedRun } from '../support/run.ts';
import { Viewer } from '../support/viewer.ts';

const run = sharedRun();
const region = 'eu-west-1';
let crowd: Crowd | undefined;

afterEach(async () => {
  await crowd?.leave();
  crowd = undefined;
});

/** The one resource of a type in the region, whose logical id fits. */
async function find(type: string, id = /./) {
  const { resources } = await run.control.state();
  const found = resources.filter(
    (one) => one.type === type && one.region === region && id.test(one.logicalId),
  );
  expect(found).toHaveLength(1);
  return found[0]!;
}

test.each([
  ['cache', 'AWS::ElastiCache::ReplicationGroup', /./],
  ['job queue', 'AWS::SQS::Queue', /^JobsQueue[0-9A-F]{8}$/],
])('without its %s a region keeps its viewers, and answers every one of them', async (_, type, id) => {
  const { logicalId } = await find(type, id);
  crowd = await Crowd.at(run.site, ['DE']);
  await crowd.settled('DE', region);
  await run.control.stopResource(region, logicalId);
  await crowd.settled('DE', region, 60);
  expect(crowd.failures()).toEqual([]);
  await run.control.startResource(region, logicalId);
  await crowd.settled('DE', region, 20);
  expect(crowd.failures()).toEqual([]);
  expect(crowd.regions('DE')).toEqual([region]);
});

test('without half of its tasks a region keeps its viewers', async () => {
  const { logicalId, units } = await find('AWS::ECS::Service');
  expect(units).toHaveLength(2);
  crowd = await Crowd.at(run.site, ['DE', 'FR']);
  await crowd.settled('DE', region);
  const before = (await run.control.state()).lastEvent;
  await run.control.stopUnit(region, logicalId, units[0]!.id);
  await crowd.settled('DE', region, 60);
  await run.control.waitFor(
    (event) => event.region === region && event.resource === logicalId && event.event === 'task started',
    before,
  );
  // Each viewer has one request under way at most when the task ends.
  expect(crowd.failures().length).toBeLessThanOrEqual(2);
  expect([...crowd.regions('DE'), ...crowd.regions('FR')]).toEqual([region, region]);
});

test('a load balancer answers nobody who does not come by the edge, whatever they claim', async () => {
  const { units } = await find('AWS::ElasticLoadBalancingV2::LoadBalancer');
  const port = Number(units[0]!.address!.split(':')[1]);
  const host = 'origin.meridian.example';
  const claims: Record<string, string>[] = [
    { host },
    { host: 'www.meridian.example' },
    { host, [names.originVerify]: 'guessed' },
    { host, [names.originVerify]: '' },
    { host, 'x-forwarded-for': '127.0.0.1', via: '1.1 d1.cloudfront.net (CloudFront)' },
  ];
  for (const headers of claims) expect((await ask(port, '/', { headers })).status).toBe(403);
  // The region's own name opens the health check, and nothing beside it.
  const own = { host: `${region}.origin.meridian.example` };
  expect((await ask(port, paths.readyz, { headers: own })).status).toBe(200);
  expect((await ask(port, '/api/images', { headers: own })).status).toBe(403);
});

test('the edge passes on nothing that only it may say, and no health path', async () => {
  const viewer = await Viewer.in('DE', run.site);
  const forged = {
    [names.originVerify]: 'forged',
    [names.viewerHost]: 'evil.example',
    [names.viewerAddress]: '192.0.2.1',
    'x-forwarded-for': '192.0.2.1',
    'x-forwarded-host': 'evil.example',
  };
  const answer = await viewer.fetch('/api/images?limit=1', { headers: forged });
  expect([answer.status, answer.headers.get(names.servedRegion)]).toEqual([200, region]);
  for (const path of [paths.readyz, paths.healthz, '/%72eadyz', `${paths.drainz}${region}`]) {
    expect((await viewer.fetch(path)).status).toBe(404);
  }
});

test('requests that two servers could read differently end at the edge', async () => {
  const port = Number(new URL(run.site).port);
  const smuggled = ['GET /readyz HTTP/1.1', 'Host: localhost', '', ''].join('\r\n');
  const first = async (lines: readonly string[]) =>
    (await talk(port, [...lines, '', smuggled], '\r\n')).split('\r\n')[0];
  const post = ['POST /api/images HTTP/1.1', 'Host: localhost'];
  expect(await first([...post, 'Content-Length: 4', 'Transfer-Encoding: chunked'])).toContain(' 400 ');
  expect(await first([...post, 'Transfer-Encoding: chunked', 'Transfer-Encoding: identity'])).toContain(
    ' 400 ',
  );
  expect(await first(['GET / HTTP/1.1', 'Host: evil.example'])).toContain(' 403 ');
  expect(await first(['GET / HTTP/1.1', 'Host: localhost', `X-A: ${'a'.repeat(30_000)}`])).toContain(' 431 ');
});
