/**
 * Every threshold of every load test can fail: a site that is slow, failing, empty or elsewhere ends the script with 99.
 * For each script, the thresholds broken by all these faults together are all that it has.
 */

import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { type FakeSite, type Faults, startFakeSite } from '../loadtest/fake-site.ts';
import { type RunRequest, type RunResult, runScript } from '../support/k6/run.ts';

jest.setTimeout(120_000);

const folder = join(import.meta.dirname, '../../loadtest');

interface Case {
  readonly script: string;
  readonly env: Readonly<Record<string, string>>;
  readonly scale: RunRequest['scale'];
  /** What the site does when the first scenario starts → thresholds that must be broken then. */
  readonly faults: readonly (readonly [name: string, faults: Faults, broken: readonly string[]])[];
}

/** Twentieths of the latency limits, so that a slow site need not be slow for long: labels within 500 ms. */
const PATIENCE = '0.05';
const one = 'us-east-1=US';
const two = 'us-east-1=US,eu-west-1=DE';
const late = 'phase:late';

const cases: readonly Case[] = [
  {
    script: 'smoke',
    env: { VIEWERS: one },
    scale: { time: 30, rate: 1 },
    faults: [
      [
        'failing',
        { failedReads: 1 },
        ['checks', 'http_req_failed', 'seen{what:page-us-east-1}', 'seen{what:picture-us-east-1}'],
      ],
      ['served elsewhere', { servedBy: 'eu-west-1' }, ['checks', 'seen{what:list-us-east-1}']],
      ['without workers', { noLabels: true }, ['checks', 'seen{what:labels-us-east-1}']],
    ],
  },
  ...(['ramp', 'spike'] as const).map(
    (shape): Case => ({
      script: 'load',
      env: { VIEWERS: one, SHAPE: shape, RATE: '10', PATIENCE, DURATION: '20s' },
      scale: shape === 'ramp' ? { time: 80, rate: 30 } : { time: 50, rate: 20 },
      faults: [
        [
          'slow',
          { slowReadsMs: 400 },
          [
            'http_req_duration{scenario:read-us-east-1,kind:read}',
            'dropped_iterations{scenario:read-us-east-1}',
          ],
        ],
        [
          'failing',
          { failedReads: 1 },
          [
            'http_req_failed{scenario:read-us-east-1}',
            'seen{what:view-us-east-1}',
            'seen{what:labels-us-east-1}',
          ],
        ],
        [
          'slow to accept',
          { slowAcceptanceMs: 300 },
          ['http_req_duration{scenario:upload-us-east-1,kind:accept}'],
        ],
        ['accepting nothing', { failedAcceptances: 1 }, ['http_req_failed{scenario:upload-us-east-1}']],
        ['without workers', { noLabels: true }, ['labelled{scenario:upload-us-east-1}']],
        ['with slow workers', { workMs: 620 }, ['time_to_labels{scenario:upload-us-east-1}']],
        ['served elsewhere', { servedBy: 'eu-west-1' }, ['served_home{scenario:read-us-east-1}']],
      ],
    }),
  ),
  {
    script: 'failover',
    env: {
      VIEWERS: two,
      LOST: 'eu-west-1',
      DURATION: '2m',
      MAX_OUTAGE: '500ms',
      TIMEOUT: '200ms',
      VIEWERS_PER_PLACE: '1',
    },
    scale: { time: 40, rate: 1 },
    faults: [
      ['without a loss', {}, ['seen{what:moved-eu-west-1}']],
      [
        'that never moves',
        { lost: 'eu-west-1' },
        [
          'seen{what:moved-eu-west-1}',
          'seen{what:late-eu-west-1}',
          'seen{what:accepted-late-eu-west-1}',
          'outage{scenario:eu-west-1}',
          `http_req_failed{scenario:eu-west-1,${late}}`,
        ],
      ],
      [
        'that goes down whole',
        { failedReads: 1 },
        [
          'seen{what:served-us-east-1}',
          'seen{what:served-eu-west-1}',
          'seen{what:late-us-east-1}',
          'seen{what:accepted-late-us-east-1}',
          'outage{scenario:us-east-1}',
          'http_req_failed{scenario:us-east-1}',
          `http_req_failed{scenario:us-east-1,${late}}`,
        ],
      ],
    ],
  },
  {
    script: 'backlog',
    env: { VIEWERS: one, SENDERS: '2', PICTURES: '20', DRAIN: '40s', PATIENCE },
    scale: { time: 20, rate: 1 },
    faults: [
      ['with quick workers', {}, ['seen{what:backlog-us-east-1}']],
      [
        'without workers',
        { noLabels: true },
        ['labelled{scenario:send-us-east-1}', 'seen{what:done-us-east-1}'],
      ],
      [
        'accepting nothing',
        { failedAcceptances: 1 },
        ['seen{what:accepted-us-east-1}', 'http_req_failed{scenario:send-us-east-1}'],
      ],
      [
        'slow to accept',
        { slowAcceptanceMs: 120 },
        ['http_req_duration{scenario:send-us-east-1,kind:accept}'],
      ],
      [
        'slow',
        { slowReadsMs: 400 },
        [
          'http_req_duration{scenario:read-us-east-1,kind:read}',
          'dropped_iterations{scenario:read-us-east-1}',
        ],
      ],
      [
        'failing',
        { failedReads: 1 },
        ['http_req_failed{scenario:read-us-east-1}', 'seen{what:view-us-east-1}'],
      ],
    ],
  },
  {
    script: 'replication',
    env: { VIEWERS: two, WRITES: '2', PATIENCE },
    scale: { time: 20, rate: 1 },
    faults: [
      ['that lags', { lagMs: 400 }, ['replication_lag{to:us-east-1}', 'replication_lag{to:eu-west-1}']],
      [
        'that replicates nothing',
        { lagMs: 600_000 },
        [
          'visible{to:us-east-1}',
          'visible{to:eu-west-1}',
          'seen{what:everywhere-from-us-east-1}',
          'seen{what:everywhere-from-eu-west-1}',
        ],
      ],
    ],
  },
];

let site: FakeSite;
beforeAll(async () => {
  site = await startFakeSite();
});
afterAll(() => site.close());

/** Runs a script against a site that is good until the first scenario starts. */
async function run({ script, env, scale }: Case, faults: Faults): Promise<RunResult> {
  site.faults = {};
  return runScript({
    script: join(folder, `${script}.ts`),
    env: { ...env, BASE_URL: site.url },
    scale,
    log: (line) => {
      if (line.startsWith('scenario ')) site.faults = faults;
    },
  });
}

const brokenOf = ({ verdicts }: RunResult): string[] => [
  ...new Set(verdicts.filter(({ ok }) => !ok).map(({ metric }) => metric)),
];

describe.each(cases.map((each) => [`${each.script} ${each.env['SHAPE'] ?? ''}`, each] as const))(
  '%s',
  (_, each) => {
    const broken = new Set<string>();
    let all: readonly string[] = [];

    test.each(each.faults)('against a site %s', async (_name, faults, expected) => {
      const ended = await run(each, faults);
      for (const metric of brokenOf(ended)) broken.add(metric);
      all = [...new Set(ended.verdicts.map(({ metric }) => metric))];
      expect(brokenOf(ended)).toEqual(expect.arrayContaining([...expected]));
      expect(ended.exitCode).toBe(99);
    });

    test('has no threshold that none of these breaks', () => {
      // Uploads are too rare here to find no VU free: the reader's own threshold is made the same way.
      const untried = all.filter(
        (metric) => !broken.has(metric) && !metric.startsWith('dropped_iterations{scenario:upload-'),
      );
      expect(untried).toEqual([]);
    });
  },
);
