import { expect, test } from '@jest/globals';
import type { RunEvent } from '../../local/events.ts';
import { lineOf, summary } from '../../local/progress.ts';
import type { RunReport } from '../../local/state.ts';

const event = (
  name: string,
  detail?: Record<string, unknown>,
  resource = 'run',
  region = 'run',
): RunEvent => ({
  id: 1,
  at: '2026-01-01T00:00:00.000Z',
  region,
  resource,
  event: name,
  ...(detail && { detail }),
});

test('a phase is one line with its time; what nobody waits for is none', () => {
  expect(lineOf(event('synthesized', { ms: 2345, stacks: 17, resources: 612 }))).toMatch(
    /templates synthesized +2\.3 s +17 stacks, 612 resources/,
  );
  const stack = (resources: number) =>
    lineOf(event('stack started', { ms: 100, resources }, 'eu-west-1-data', 'eu-west-1'));
  expect(stack(3)).toMatch(/eu-west-1-data +0\.1 s +3 resources run/);
  expect(stack(0)).toBeUndefined();
  expect(lineOf(event('healthy', {}, 'TargetGroup', 'eu-west-1'))).toBeUndefined();
});

test('a change that does not work shows its error', () => {
  expect(lineOf(event('build failed', { reason: 'line one\nline two' }))).toMatch(
    /goes on:\n {6}line one\n {6}line two/,
  );
});

test('the summary says what runs, what is only named, and where everything is', () => {
  const one = (type: string) => ({
    stack: 's',
    region: 'eu-west-1',
    logicalId: type,
    type,
    global: false,
    state: 'running' as const,
    units: [],
    describe: {},
  });
  const report: RunReport = {
    environment: 'local',
    account: '111111111111',
    phase: 'ready',
    startedAt: '',
    regions: ['eu-west-1'],
    timeScale: 1,
    addresses: {
      site: 'http://localhost:8080',
      viewer: 'http://localhost:8080/v',
      control: 'http://127.0.0.1:1',
    },
    hosts: [],
    resources: [one('AWS::SQS::Queue'), one('AWS::SQS::Queue'), one('AWS::ECS::Service')],
    endpoints: { 'eu-west-1': { database: 'postgresql://x', s3: 'http://y' } },
    leftOut: { 'AWS::KMS::Key': 3, 'Custom::Thing': 1 },
    listeners: { 'edge/dns': '127.0.0.1:5353' },
    stateDir: '',
    lastEvent: 0,
  };
  const lines = summary(report, 8765, { columns: 100 });
  expect(lines).toMatch(/ready in 8\.8 s.*environment local, eu-west-1/);
  expect(lines).toMatch(/runs here +ECS::Service 1, SQS::Queue 2/);
  expect(lines).toMatch(/only named +KMS::Key 3, Custom::Thing 1/);
  expect(lines).toMatch(/eu-west-1 +database +postgresql:\/\/x\n +s3 +http:\/\/y/);
  expect(lines).toMatch(/site +http:\/\/localhost:8080\n/);
  expect(lines).toMatch(/names +dig @127\.0\.0\.1 -p 5353 NAME/);
  const narrow = summary(report, 1, { columns: 30 }).split('\n');
  expect(narrow.filter((line) => /KMS::Key|Custom::Thing/.test(line))).toHaveLength(2);
});
