/** The scripts as they are, against a site in memory: they pass, and say what they lack. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { type RunResult, runScript } from '../support/k6/run.ts';
import { type FakeSite, startFakeSite } from './fake-site.ts';

// Threads start slowly on a busy machine.
jest.setTimeout(60_000);

const folder = join(import.meta.dirname, '../../loadtest');
let site: FakeSite;

beforeAll(async () => {
  site = await startFakeSite();
});
afterAll(() => site.close());

const run = (name: string, env: Record<string, string>): Promise<RunResult> =>
  runScript({
    script: join(folder, `${name}.ts`),
    env: { BASE_URL: site.url, ...env },
    scale: { time: 1, rate: 1 },
    log: () => {},
  });

test.concurrent('a good site passes, with a summary for people and one for machines', async () => {
  const ended = await run('smoke', { VIEWERS: 'us-east-1=US,eu-west-1=DE' });
  expect(ended.reason).toBeUndefined();
  expect(ended.exitCode).toBe(0);
  // Nothing measured would prove nothing.
  expect(ended.verdicts.filter(({ empty }) => empty)).toEqual([]);
  const { stdout, 'summary-smoke.json': json } = ended.outputs;
  expect(stdout).toContain('Does every promise hold once, from every place?');
  expect(stdout).toMatch(/ ok {2}checks {2}rate==1 {2}\(100\.00 %\)/);
  expect(stdout).toMatch(/seen\{what:labels-eu-west-1\} {2}count>0 {2}\(1\)/);
  expect(JSON.parse(json!).metrics['http_req_duration'].values['p(99)']).toBeGreaterThan(0);
});

test.concurrent('regions by their own addresses get the secret, and S3 does not', async () => {
  const locked = await startFakeSite({ secret: 'open sesame' });
  try {
    const regions = { REGIONS: `us-east-1=${locked.url}/`, ORIGIN_VERIFY: 'open sesame' };
    const ended = await run('smoke', regions);
    expect(ended.reason).toBeUndefined();
    expect(locked.requests['PUT /bucket/:id']).toBe(1);
    expect(locked.requests['GET /__local/viewer']).toBeUndefined();
  } finally {
    locked.close();
  }
});

describe('what is missing is said', () => {
  test.concurrent.each([
    ['replication', { BASE_URL: 'https://www.example.com' }, '-e REGIONS=name=url'],
    ['smoke', { REGIONS: 'eu-west-1=https://eu-west-1.origin.example.com' }, 'needs -e ORIGIN_VERIFY'],
    ['failover', {}, 'say -e LOST=region'],
    ['failover', { LOST: 'eu-south-2' }, 'no viewer is at home in eu-south-2'],
    ['load', { SHAPE: 'flood' }, 'expected one of ramp, spike, soak'],
    ['load', { DURATION: 'long' }, "got DURATION 'long'"],
    ['smoke', { VIEWERS: 'DE' }, "got 'DE' in -e VIEWERS"],
  ])('%s %j', async (name, env, message) => {
    const ended = await run(name, env);
    expect(ended.exitCode).toBe(107);
    expect(ended.reason).toContain(message);
  });
});

test.concurrent('a site that is no local run is told from one', async () => {
  const ended = await run('smoke', { BASE_URL: `${site.url}/elsewhere`, VIEWERS: 'eu-west-1=DE' });
  expect(ended.exitCode).toBe(107);
  expect(ended.reason).toContain('is no local run');
});

test.each(['smoke', 'load', 'failover', 'backlog', 'replication'])('%s opens with its question', (name) => {
  expect(readFileSync(join(folder, `${name}.ts`), 'utf8')).toMatch(/^\/\*\*[^/]{10,200}\?/);
});
