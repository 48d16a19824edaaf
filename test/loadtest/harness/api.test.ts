/** What a script finds: one run that uses all of it, and what it measured. */

import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, jest, test } from '@jest/globals';
import { scriptFolder, serve, type Tried, tryScript } from './scripts.ts';

// Threads start slowly on a busy machine.
jest.setTimeout(60_000);

const folder = scriptFolder();
const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);

const script = `
import http from 'k6/http';
import { check, group, sleep } from 'k6';
import crypto from 'k6/crypto';
import encoding from 'k6/encoding';
import exec from 'k6/execution';
import { SharedArray } from 'k6/data';
import { Counter, Gauge, Rate, Trend } from 'k6/metrics';
import { twice } from './helper.ts';

const base: string = __ENV.BASE;
const binary = open('./bytes.bin', 'b');
const words = new SharedArray('words', () => ['x', 'y']);
const counter = new Counter('my_count');
const gauge = new Gauge('my_gauge');
const rate = new Rate('my_rate');
const trend = new Trend('my_trend', true);

export const options = {
  scenarios: {
    shared: { executor: 'shared-iterations', vus: 2, iterations: 5, exec: 'idle' },
    each: { executor: 'per-vu-iterations', vus: 2, iterations: 3, exec: 'idle' },
    vus: { executor: 'constant-vus', vus: 1, duration: '300ms', exec: 'idle' },
    ramp: { executor: 'ramping-vus', startVUs: 0, stages: [{ duration: '300ms', target: 2 }], gracefulRampDown: '0s', exec: 'idle' },
    rate: { executor: 'constant-arrival-rate', rate: 40, duration: '500ms', preAllocatedVUs: 2, exec: 'idle' },
    ramped: { executor: 'ramping-arrival-rate', startRate: 0, stages: [{ duration: '500ms', target: 40 }], preAllocatedVUs: 2, exec: 'idle' },
    busy: { executor: 'constant-arrival-rate', rate: 10, duration: '500ms', preAllocatedVUs: 1, exec: 'slow', gracefulStop: '0s' },
    api: { executor: 'shared-iterations', exec: 'api', env: { COLOR: 'green' }, tags: { kind: 'whole' }, startTime: '100ms' },
  },
  tags: { test: 'sink' },
  thresholds: {
    checks: ['rate==1'],
    'http_reqs{kind:whole,method:PUT,status:200}': ['count==1'],
    'http_reqs{name:GET /items/:id}': ['count==1'],
    'http_req_failed{kind:whole}': ['rate<1'],
    'http_reqs{expected_response:false}': ['count==2'],
    'http_reqs{error_code:1050}': ['count==1'],
    'http_reqs{error_code:1404}': ['count==2'],
    'my_trend{group:::outer::inner}': ['max==7'],
    'my_count{scenario:api,test:sink}': ['count==2'],
    'dropped_iterations{scenario:busy}': ['count>0'],
    'dropped_iterations{scenario:api}': ['count==0'],
    'iterations{scenario:shared}': ['count==5'],
    'iterations{scenario:each}': ['count==6'],
    'iterations{scenario:vus}': ['count>2'],
    'iterations{scenario:ramp}': ['count>2'],
    'iterations{scenario:rate}': ['count==20'],
    'iterations{scenario:ramped}': ['count==10'],
    'iterations{scenario:busy}': ['count==0'],
    my_rate: ['rate==0.5'],
    my_gauge: ['value==2'],
  },
  summaryTrendStats: ['med', 'p(99)', 'count'],
};

export function setup() {
  return { token: http.get(base + '/token').json().token };
}

export function idle() { sleep(0.02); }
export function slow() { sleep(60); }

export function api(data: { token: string }) {
  check(data, { 'setup data': (d) => d.token === 'secret' });
  check(null, {
    env: () => __ENV.COLOR === 'green' && __ENV.BASE === base,
    'numbers of the VU': () => __ITER === 0 && __VU === exec.vu.idInTest,
    scenario: () => exec.scenario.name === 'api' && exec.scenario.iterationInTest === 0,
    'shared array': () => words.length === 2 && words[1] === 'y',
    helper: () => twice(2) === 4,
    digest: () => crypto.sha256(binary, 'base64') === __ENV.SHA256 && crypto.md5('a', 'hex').length === 32,
    base64: () => encoding.b64encode('hé') === 'aMOp' && encoding.b64decode('aMOp', 'std', 's') === 'hé',
  });
  group('outer', () => group('inner', () => trend.add(7)));
  counter.add(1);
  counter.add(1);
  gauge.add(1);
  gauge.add(2);
  rate.add(true);
  rate.add(false);

  const item = http.get(base + '/items/7', { tags: { name: 'GET /items/:id' }, headers: { 'X-Hello': 'there' } });
  check(item, {
    status: (r) => r.status === 200 && r.status_text === '200 OK' && r.error === '' && r.error_code === 0,
    json: (r) => r.json().path === '/items/7' && r.json().hello === 'there',
    'canonical headers': (r) => r.headers['X-Served-Region'] === 'eu-west-1' && r.headers['x-served-region'] === undefined,
    timings: (r) => r.timings.duration > 0 && r.timings.waiting <= r.timings.duration,
    cookie: (r) => r.cookies.session[0].value === 'abc' && r.cookies.session[0].httpOnly,
  });
  const again = http.get(base + '/again', { cookies: { place: 'DE' } }).json();
  check(again, { 'cookies are kept and added': (a) => a.cookie === 'session=abc; place=DE' });
  const replaced = http.get(base + '/again', { cookies: { session: { value: 'x', replace: true } } }).json();
  const doubled = http.get(base + '/again', { cookies: { session: 'x' } }).json();
  check(null, {
    'cookies are replaced': () => replaced.cookie === 'session=x',
    'or doubled': () => doubled.cookie === 'session=abc; session=x',
  });
  const put = http.put(base + '/upload', binary, { headers: { 'content-type': 'image/png' } });
  check(put, { 'binary body': (r) => r.json().sha256 === __ENV.SHA256 && r.json().type === 'image/png' });
  check(http.get(base + '/bytes', { responseType: 'binary' }), { 'binary answer': (r) => r.body.byteLength === 256 });
  check(http.get(base + '/bytes', { responseType: 'none' }), { 'no body': (r) => r.body === null });
  const moved = http.post(base + '/redirect', 'x');
  check(moved, { 'follows redirects': (r) => r.status === 200 && r.url === base + '/target' && r.json().method === 'GET' });
  check(http.get(base + '/redirect', { redirects: 0 }), { 'or not': (r) => r.status === 302 });
  const both = http.batch([base + '/items/1', ['DELETE', base + '/items/2']]);
  check(both, { batch: ([a, b]) => a.json().path === '/items/1' && b.json().method === 'DELETE' });
  const missing = http.get(base + '/missing');
  check(missing, { 'error code of a status': (r) => r.error_code === 1404 });
  http.get(base + '/missing', { responseCallback: http.expectedStatuses(404, { min: 500, max: 599 }) });
  const late = http.get(base + '/never', { timeout: '50ms' });
  check(late, { timeout: (r) => r.status === 0 && r.error_code === 1050 && r.error === 'request timeout' && r.body === null });
}

export function teardown(data) {
  http.post(base + '/teardown', JSON.stringify(data));
}

export function handleSummary(data) {
  return { stdout: 'done', 'summary.json': JSON.stringify(data) };
}
`;

describe('one run of everything', () => {
  let ran: Tried;
  const toreDown: string[] = [];

  beforeAll(async () => {
    writeFileSync(join(folder, 'bytes.bin'), bytes);
    writeFileSync(join(folder, 'helper.ts'), 'export const twice = (n: number): number => 2 * n;');
    const sha256 = (body: Uint8Array): string => createHash('sha256').update(body).digest('base64');
    const { url } = await serve(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk);
      const body = Buffer.concat(chunks);
      const path = request.url!;
      if (path === '/never') return;
      if (path === '/teardown') toreDown.push(body.toString());
      if (path === '/bytes') return void response.end(bytes);
      if (path === '/redirect') return void response.writeHead(302, { location: '/target' }).end();
      response.statusCode = path === '/missing' ? 404 : 200;
      response.setHeader('x-served-region', 'eu-west-1');
      if (path === '/items/7') response.setHeader('set-cookie', 'session=abc; Path=/; HttpOnly');
      response.end(
        JSON.stringify({
          path,
          method: request.method,
          token: 'secret',
          hello: request.headers['x-hello'],
          cookie: request.headers.cookie,
          type: request.headers['content-type'],
          sha256: sha256(body),
        }),
      );
    });
    ran = await tryScript(folder, script, { env: { BASE: url, SHA256: sha256(bytes) } });
  });

  test('passes', () => {
    expect(ran.reason).toBeUndefined();
    expect(ran.exitCode).toBe(0);
    expect(ran.verdicts.filter(({ ok }) => !ok)).toEqual([]);
    expect(ran.verdicts).toHaveLength(20);
  });

  test('says when each scenario starts', () => {
    for (const name of ['shared', 'ramp', 'api']) expect(ran.log).toContain(`scenario ${name} starts`);
  });

  test('tears down with what setup gave', () => {
    expect(toreDown).toEqual(['{"token":"secret"}']);
  });

  test('hands the summary over', () => {
    expect(ran.outputs['stdout']).toBe('done');
    const data = JSON.parse(ran.outputs['summary.json']!);
    expect(Object.keys(data.metrics['my_trend'].values)).toEqual(['med', 'p(99)', 'count']);
    expect(data.metrics['my_trend']).toMatchObject({ type: 'trend', contains: 'time' });
    expect(data.metrics['checks'].thresholds).toEqual({ 'rate==1': { ok: true } });
    expect(data.root_group.checks[0]).toMatchObject({ name: 'setup data', passes: 1, fails: 0 });
    expect(data.setup_data).toEqual({ token: 'secret' });
    expect(data.state.testRunDurationMs).toBeGreaterThan(500);
  });
});
