/** The harness's parts that need no thread: durations, options, metrics, thresholds, schedules, cookies. */

import { describe, expect, test } from '@jest/globals';
import { CookieJar, parseSetCookie } from '../../support/k6/cookies.ts';
import { parseDuration } from '../../support/k6/duration.ts';
import type { RunError } from '../../support/k6/exit-codes.ts';
import { Metrics } from '../../support/k6/metrics.ts';
import { readOptions } from '../../support/k6/options.ts';
import { arrivals, steadyArrivals, vusAt } from '../../support/k6/schedule.ts';
import { Thresholds } from '../../support/k6/thresholds.ts';

const unscaled = { time: 1, rate: 1 };

function errorOf(work: () => unknown): RunError {
  try {
    work();
  } catch (error) {
    return error as RunError;
  }
  throw new Error('nothing was thrown');
}

test.each([
  ['30s', 30_000],
  ['1m30s', 90_000],
  ['1.5s', 1500],
  ['250ms', 250],
  [40, 40],
])('duration %s', (text, ms) => {
  expect(parseDuration(text)).toBe(ms);
});

test.each(['', '10', '10 s', '5x', -1])('no duration: %s', (text) => {
  expect(() => parseDuration(text)).toThrow(/expected one like/);
});

describe('options', () => {
  const steady = {
    executor: 'constant-arrival-rate',
    rate: 100,
    duration: '1m',
    preAllocatedVUs: 50,
  };

  test("have k6's defaults", () => {
    const options = readOptions(undefined, unscaled);
    expect(options.dns).toEqual({ ttlMs: 300_000, select: 'random', policy: 'preferIPv4' });
    expect(options.maxRedirects).toBe(10);
    expect(options.scenarios).toMatchObject([
      { name: 'default', executor: 'shared-iterations', vus: 1, iterations: 1, gracefulStopMs: 30_000 },
    ]);
  });

  test('are scaled: ten times faster, five times less', () => {
    const { scenarios } = readOptions({ scenarios: { a: steady } }, { time: 10, rate: 5 });
    expect(scenarios).toMatchObject([{ durationMs: 6000, vus: 10, rate: 0.2, gracefulStopMs: 3000 }]);
  });

  test.each([
    ['an unknown option', { batchPerHost: 3 }, 70, 'options.batchPerHost'],
    [
      'an unknown field of a scenario',
      { scenarios: { a: { ...steady, vus: 3 } } },
      70,
      'options.scenarios.a.vus',
    ],
    ['VUs allocated later', { scenarios: { a: { ...steady, maxVUs: 60 } } }, 70, 'maxVUs'],
    ['too many VUs', { scenarios: { a: { ...steady, preAllocatedVUs: 500 } } }, 70, '--rate-scale'],
    ['no rate', { scenarios: { a: { ...steady, rate: undefined } } }, 104, 'rate is missing'],
    [
      'a wrong duration',
      { scenarios: { a: { ...steady, duration: '1 minute' } } },
      104,
      "got duration '1 minute'",
    ],
    ['an unknown executor', { scenarios: { a: { executor: 'externally-controlled' } } }, 104, 'executor'],
    ['a text for a boolean', { noConnectionReuse: 'yes' }, 104, 'expected true or false'],
  ])('%s ends with its code', (_, raw, exitCode, message) => {
    const error = errorOf(() => readOptions(raw, unscaled));
    expect(error.exitCode).toBe(exitCode);
    expect(error.message).toContain(message);
  });
});

describe('metrics', () => {
  const filled = (): Metrics => {
    const metrics = new Metrics();
    metrics.define('lag', 'trend', 'time');
    for (let value = 1; value <= 100; value++) metrics.add({ metric: 'lag', value, tags: {} });
    for (const value of [1, 1, 0, 1]) metrics.add({ metric: 'checks', value, tags: {} });
    metrics.add({ metric: 'http_reqs', value: 3, tags: {} });
    metrics.add({ metric: 'http_reqs', value: 4, tags: {} });
    metrics.add({ metric: 'vus', value: 5, tags: {} });
    metrics.add({ metric: 'vus', value: 2, tags: {} });
    return metrics;
  };

  test.each([
    ['lag', 'avg', 50.5],
    ['lag', 'min', 1],
    ['lag', 'max', 100],
    ['lag', 'med', 50.5],
    ['lag', 'p(99)', 99.01],
    ['lag', 'p(0)', 1],
    ['lag', 'count', 100],
    ['checks', 'rate', 0.75],
    ['http_reqs', 'count', 7],
    ['http_reqs', 'rate', 3.5],
    ['vus', 'value', 2],
  ])('%s %s is %d', (metric, aggregate, value) => {
    expect(filled().watch(metric).read(aggregate, 2)).toBeCloseTo(value, 6);
  });

  test('a sub-metric takes the samples that have all its tags', () => {
    const metrics = new Metrics();
    const part = metrics.watch('http_reqs{scenario:a,status:200}');
    metrics.add({ metric: 'http_reqs', value: 1, tags: { scenario: 'a', status: '200', other: 'x' } });
    metrics.add({ metric: 'http_reqs', value: 1, tags: { scenario: 'a', status: '503' } });
    metrics.add({ metric: 'http_reqs', value: 1, tags: { scenario: 'b', status: '200' } });
    expect(part.read('count', 1)).toBe(1);
    expect(metrics.watch('http_reqs').read('count', 1)).toBe(3);
  });
});

describe('thresholds', () => {
  const judge = (metric: string, threshold: string, values: readonly number[]) => {
    const metrics = new Metrics();
    const thresholds = new Thresholds(
      { [metric]: [{ threshold, abortOnFail: false, delayAbortEvalMs: 0 }] },
      metrics,
    );
    for (const value of values) metrics.add({ metric, value, tags: {} });
    return thresholds.judge(1)[0]!;
  };

  test.each([
    ['http_req_duration', 'p(95) < 500', [400], true],
    ['http_req_duration', 'p(95)<500', [500], false],
    ['http_req_duration', 'max<=500', [500], true],
    ['http_req_failed', 'rate==0', [0, 0, 1], false],
    ['checks', 'rate>0.5', [1, 1, 0], true],
    ['iterations', 'count>=2', [1], false],
    ['iterations', 'count!=2', [1, 1], false],
    ['vus', 'value>0', [3, 0], false],
  ])('%s %s of %j holds: %s', (metric, threshold, values, ok) => {
    expect(judge(metric, threshold, values)).toMatchObject({ ok, empty: false });
  });

  test('nothing measured is said, and a share of nothing passes as in k6', () => {
    expect(judge('checks', 'rate==1', [])).toMatchObject({ ok: true, empty: true });
    expect(judge('iterations', 'count>0', [])).toMatchObject({ ok: false, empty: true });
  });

  test.each([
    ['no_such_metric', 'count>0'],
    ['http_req_duration', 'p(95) 500'],
    ['http_req_failed', 'p(95)<500'],
    ['iterations', 'value>0'],
    ['http_reqs{scenario}', 'count>0'],
  ])('%s %s is refused', (metric, threshold) => {
    const error = errorOf(() => judge(metric, threshold, []));
    expect(error.exitCode).toBe(104);
    expect(error.message).toContain(metric);
  });
});

describe('schedules', () => {
  test('a steady rate starts iterations evenly', () => {
    expect([...steadyArrivals(0.01, 500)]).toEqual([0, 100, 200, 300, 400]);
  });

  test('a ramp starts as many as the area under the rate', () => {
    const times = [
      ...arrivals(0, [
        { durationMs: 1000, target: 0.1 },
        { durationMs: 1000, target: 0.1 },
      ]),
    ];
    expect(times).toHaveLength(150);
    expect(times.filter((time) => time < 500).length).toBe(13);
    expect(times.every((time, i) => i === 0 || time > times[i - 1]!)).toBe(true);
    expect(times.at(-1)).toBeLessThan(2000);
  });

  test('a ramp down ends, and a stage of no duration is a jump', () => {
    const times = [
      ...arrivals(0.1, [
        { durationMs: 1000, target: 0 },
        { durationMs: 0, target: 0.05 },
        { durationMs: 100, target: 0.05 },
      ]),
    ];
    expect(times.filter((time) => time < 1000)).toHaveLength(50);
    expect(times.filter((time) => time >= 1000)).toHaveLength(5);
  });

  test('VUs follow a ramp', () => {
    const stages = [
      { durationMs: 100, target: 10 },
      { durationMs: 100, target: 10 },
      { durationMs: 100, target: 0 },
    ];
    expect([0, 50, 150, 250, 400].map((ms) => vusAt(0, stages, ms))).toEqual([0, 5, 10, 5, 0]);
  });
});

describe('cookies', () => {
  const jar = (header: string, from: string): CookieJar => {
    const url = new URL(from);
    const kept = new CookieJar();
    kept.keep([parseSetCookie(header, url)!]);
    return kept;
  };

  test.each([
    ['a=1', 'http://site/x', 'http://site/y', true],
    ['a=1', 'http://site/', 'http://other/', false],
    ['a=1; Domain=site.test', 'http://www.site.test/', 'http://api.site.test/', true],
    ['a=1; Path=/api', 'http://site/', 'http://site/api/images', true],
    ['a=1; Path=/api', 'http://site/', 'http://site/apis', false],
    ['a=1; Secure', 'https://site/', 'http://site/', false],
    ['a=1; Secure', 'https://site/', 'https://site/', true],
    ['a=1; Max-Age=0', 'http://site/', 'http://site/', false],
  ])('%s of %s goes to %s: %s', (header, from, to, sent) => {
    expect(jar(header, from).for(new URL(to))).toEqual(sent ? { a: '1' } : {});
  });
});
