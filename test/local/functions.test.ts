/** Functions, their versions and triggers, and a queue that feeds one: real processes and a real SQS. */

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { localCredentials } from '../../contract/local.ts';
import type { TemplateResource } from '../../local/assembly.ts';
import { eventSourceMapping } from '../../local/resources/event-source-mapping.ts';
import { type Invokable, lambdaFunction } from '../../local/resources/lambda-function.ts';
import { lambdaVersion } from '../../local/resources/lambda-version.ts';
import { queue } from '../../local/resources/queue.ts';
import { trigger } from '../../local/resources/trigger.ts';
import { localVariables } from '../../local/variables.ts';
import { temporaryFolder } from '../support/assembly.ts';
import { account, type SmallRun, smallRun } from '../support/small-run.ts';

const region = 'eu-west-1';
const modules = [lambdaFunction, lambdaVersion, eventSourceMapping, queue, trigger];
const folder = temporaryFolder();
const assets = new Map<string, string>();

/** A zip's folder of one file; returns the Code property. */
function code(name: string, source: string) {
  const path = join(folder, name);
  mkdirSync(path);
  writeFileSync(join(path, 'index.mjs'), source);
  const hash = createHash('sha256').update(name).digest('hex');
  assets.set(hash, path);
  return { S3Bucket: 'assets', S3Key: `${hash}.zip` };
}

const functionOf = (source: ReturnType<typeof code>, more: object = {}): TemplateResource => ({
  Type: 'AWS::Lambda::Function',
  Properties: { Code: source, Handler: 'index.handler', Runtime: 'nodejs24.x', Timeout: 10, ...more },
});

describe('a function', () => {
  const source = code(
    'commands',
    `export async function handler(event, context) {
  if (event.wait) await new Promise((resolve) => setTimeout(resolve, event.wait));
  if (event.exit) process.exit(event.exit);
  if (event.fail) throw new TypeError(event.fail);
  return {
    pid: process.pid, echo: event.echo, color: process.env.COLOR, region: process.env.AWS_REGION,
    name: context.functionName, left: context.getRemainingTimeInMillis(),
  };
}`,
  );
  const unloadable = code('unloadable', 'throw new RangeError("no model")');
  let small: SmallRun;
  beforeAll(async () => {
    small = await smallRun(
      {
        service: {
          region,
          resources: {
            Commands: functionOf(source, {
              FunctionName: 'commands',
              Environment: { Variables: { COLOR: 'red' } },
            }),
            Hasty: functionOf(source, { Timeout: 0.2 }),
            Single: functionOf(source, { ReservedConcurrentExecutions: 1 }),
            Unloadable: functionOf(unloadable),
            Version: { Type: 'AWS::Lambda::Version', Properties: { FunctionName: { Ref: 'Commands' } } },
          },
        },
      },
      { modules, assets },
    );
    await small.run.start();
  });
  afterAll(() => small?.close());

  const peer = (logicalId: string) =>
    small.run.site(region).peer<Invokable>(small.attribute('service', logicalId, 'Ref'));
  const invoke = (logicalId: string, event: unknown) => peer(logicalId).invoke(event);
  const value = async (logicalId: string, event: unknown) => {
    const result = await invoke(logicalId, event);
    if (!result.ok) throw new Error(result.error.errorMessage);
    return result.value as Record<string, unknown>;
  };

  test('answers with its variables and its context', async () => {
    const answer = await value('Commands', { echo: { deep: [1] } });
    expect(answer).toMatchObject({
      echo: { deep: [1] },
      color: 'red',
      region,
      name: 'commands',
    });
    expect(answer['left']).toBeGreaterThan(5_000);
  });

  test('serves events one after the other in one process, and several at once in several', async () => {
    const pids = [];
    for (let i = 0; i < 3; i++) pids.push((await value('Commands', {}))['pid']);
    expect(new Set(pids).size).toBe(1);
    const together = await Promise.all([1, 2].map(() => value('Commands', { wait: 50 })));
    expect(new Set(together.map(({ pid }) => pid)).size).toBe(2);
  });

  test('its version is the function', async () => {
    expect((await value('Version', {}))['name']).toBe('commands');
  });

  test.each([
    ['an exception is an error', { fail: 'bad input' }, 'TypeError', 'bad input'],
    ['the end of the process too', { exit: 7 }, 'Runtime.ExitError', 'exit status 7'],
  ])('%s', async (_, event, errorType, message) => {
    const result = await invoke('Commands', event);
    expect(result).toMatchObject({ ok: false, error: { errorType } });
    expect(result.ok || result.error.errorMessage).toContain(message);
    expect((await value('Commands', { echo: 1 }))['echo']).toBe(1);
  });

  test('one that takes longer than its timeout is killed, the next event has a new process', async () => {
    const { pid } = await value('Hasty', {});
    const late = await invoke('Hasty', { wait: 60_000 });
    expect(late).toMatchObject({ ok: false, error: { errorType: 'Sandbox.Timedout' } });
    expect((await value('Hasty', {}))['pid']).not.toBe(pid);
  });

  test('beyond its concurrency it is throttled', async () => {
    const [first, second] = await Promise.all([invoke('Single', { wait: 100 }), invoke('Single', {})]);
    expect([first.ok, second]).toEqual([
      true,
      { ok: false, error: { errorType: 'TooManyRequestsException', errorMessage: 'Rate Exceeded.' } },
    ]);
  });

  test('one that cannot be loaded says why', async () => {
    expect(await invoke('Unloadable', {})).toMatchObject({
      ok: false,
      error: { errorType: 'RangeError', errorMessage: 'no model' },
    });
  });

  test('a stopped one answers with an error, and leaves no process', async () => {
    await value('Commands', {});
    await small.run.stopResource(region, 'Commands');
    expect(await invoke('Commands', {})).toMatchObject({ ok: false });
    const { units } = small.run.report({} as never).resources.find((one) => one.logicalId === 'Commands')!;
    expect(units).toEqual([]);
  });
});

test('a process without events is ended after a while', async () => {
  const source = code('idle', 'export const handler = () => process.pid;');
  const stacks = { service: { region, resources: { Idle: functionOf(source) } } };
  const small = await smallRun(stacks, { modules, assets, timeScale: 600 });
  try {
    await small.run.start();
    const idle = small.run.site(region).peer<Invokable>(small.attribute('service', 'Idle', 'Ref'));
    await idle.invoke({});
    const [unit] = idle.units!();
    const deadline = Date.now() + 5_000;
    while (idle.units!().length > 0 && Date.now() < deadline) await new Promise(setImmediate);
    expect({ before: unit?.state, after: idle.units!() }).toEqual({ before: 'running', after: [] });
  } finally {
    await small.close();
  }
});

describe('a trigger', () => {
  const stacks = (source: ReturnType<typeof code>) => ({
    service: {
      region,
      resources: {
        Migrate: functionOf(source, { FunctionName: 'migrate' }),
        Version: { Type: 'AWS::Lambda::Version', Properties: { FunctionName: { Ref: 'Migrate' } } },
        Trigger: { Type: 'Custom::Trigger', Properties: { HandlerArn: { Ref: 'Version' } } },
      },
    },
  });

  test('invokes its function once at the start', async () => {
    const marks = join(folder, 'marks');
    const source = code(
      'marks-once',
      `import { appendFileSync } from 'node:fs';
export const handler = () => appendFileSync(${JSON.stringify(marks)}, 'x');`,
    );
    const small = await smallRun(stacks(source), { modules, assets });
    try {
      await small.run.start();
      expect(readFileSync(marks, 'utf8')).toBe('x');
    } finally {
      await small.close();
    }
  });

  test('that fails stops the start with the function’s own words', async () => {
    const source = code('fails', 'export const handler = () => { throw new Error("schema is locked"); };');
    const small = await smallRun(stacks(source), { modules, assets });
    try {
      await expect(small.run.start()).rejects.toThrow(
        /Trigger .*function migrate failed: Error: schema is locked/,
      );
    } finally {
      await small.close();
    }
  });
});

describe('a queue that feeds a function', () => {
  const seen = join(folder, 'seen');
  const source = code(
    'worker',
    `import { appendFileSync } from 'node:fs';
export async function handler(event) {
  const bodies = event.Records.map(({ body }) => body);
  appendFileSync(${JSON.stringify(seen)}, JSON.stringify(event) + '\\n');
  if (bodies.includes('crash')) process.exit(1);
  const failed = event.Records.filter(({ body }) => body === 'poison');
  return { batchItemFailures: failed.map(({ messageId }) => ({ itemIdentifier: messageId })) };
}`,
  );
  let small: SmallRun;
  let client: SQSClient;
  beforeAll(async () => {
    small = await smallRun(
      {
        service: {
          region,
          resources: {
            Dead: { Type: 'AWS::SQS::Queue', Properties: { QueueName: 'jobs-dead' } },
            Jobs: {
              Type: 'AWS::SQS::Queue',
              Properties: {
                QueueName: 'jobs',
                VisibilityTimeout: 1,
                RedrivePolicy: { deadLetterTargetArn: { 'Fn::GetAtt': ['Dead', 'Arn'] }, maxReceiveCount: 2 },
              },
            },
            Worker: functionOf(source, { FunctionName: 'worker' }),
            Mapping: {
              Type: 'AWS::Lambda::EventSourceMapping',
              Properties: {
                EventSourceArn: { 'Fn::GetAtt': ['Jobs', 'Arn'] },
                FunctionName: { Ref: 'Worker' },
                BatchSize: 10,
                FunctionResponseTypes: ['ReportBatchItemFailures'],
                ScalingConfig: { MaximumConcurrency: 2 },
              },
            },
          },
        },
      },
      { modules, assets },
    );
    await small.run.start();
    client = new SQSClient({
      region,
      endpoint: localVariables(small, region).AWS_ENDPOINT_URL_SQS,
      credentials: localCredentials,
    });
  });
  afterAll(async () => {
    client?.destroy();
    await small?.close();
  });

  const send = (body: string, more: object = {}) =>
    client.send(
      new SendMessageCommand({
        QueueUrl: small.attribute('service', 'Jobs', 'Ref'),
        MessageBody: body,
        ...more,
      }),
    );
  const records = (body: string) =>
    (existsSync(seen) ? readFileSync(seen, 'utf8') : '')
      .split('\n')
      .filter(Boolean)
      .flatMap((line) => JSON.parse(line).Records as Record<string, unknown>[])
      .filter((record) => record['body'] === body);
  const emptyAfter = (id: number) =>
    small.event(({ resource, event }) => resource === 'Mapping' && event === 'queue empty', id);

  test('hands it records as Lambda does, and deletes what was processed', async () => {
    const before = small.run.events.last;
    await send('good', {
      MessageAttributes: { kind: { DataType: 'String', StringValue: 'picture' } },
    });
    await emptyAfter(before);
    expect(records('good')).toEqual([
      {
        messageId: expect.stringMatching(/^[0-9a-f-]{36}$/),
        receiptHandle: expect.any(String),
        body: 'good',
        attributes: expect.objectContaining({
          ApproximateReceiveCount: '1',
          SentTimestamp: expect.stringMatching(/^\d{13}$/),
          ApproximateFirstReceiveTimestamp: expect.stringMatching(/^\d{13}$/),
          SenderId: expect.any(String),
        }),
        messageAttributes: {
          kind: { stringValue: 'picture', stringListValues: [], binaryListValues: [], dataType: 'String' },
        },
        md5OfBody: createHash('md5').update('good').digest('hex'),
        md5OfMessageAttributes: expect.stringMatching(/^[0-9a-f]{32}$/),
        eventSource: 'aws:sqs',
        eventSourceARN: `arn:aws:sqs:${region}:${account}:jobs`,
        awsRegion: region,
      },
    ]);
  });

  test('brings back only what failed, until the dead-letter queue has it', async () => {
    await Promise.all([send('poison'), send('fine')]);
    const isBatch = (failed: number) => (one: { event: string; detail?: Record<string, unknown> }) =>
      one.event === 'batch done' && one.detail?.['failed'] === failed;
    const first = await small.event(isBatch(1));
    await small.event(isBatch(1), first.id);
    expect([records('poison').length, records('fine').length]).toEqual([2, 1]);
    const receiveCount = (record: Record<string, unknown>) =>
      (record['attributes'] as Record<string, string>)['ApproximateReceiveCount'];
    expect(records('poison').map(receiveCount)).toEqual(['1', '2']);
  });

  test('a batch whose function ended is not deleted', async () => {
    const before = small.run.events.last;
    await send('crash');
    const failed = await small.event(({ event }) => event === 'batch failed', before);
    expect(failed.detail).toMatchObject({
      messages: 1,
      failed: 1,
      error: 'Runtime.ExitError: Runtime exited with error: exit status 1',
    });
    await small.event(({ event }) => event === 'batch failed', failed.id);
    expect(records('crash')).toHaveLength(2);
  });

  test('takes nothing while it is stopped, and goes on when it is started', async () => {
    await small.run.stopResource(region, 'Mapping');
    await send('later');
    const before = small.run.events.last;
    await small.run.startResource(region, 'Mapping');
    await small.event(({ event }) => event === 'batch done', before);
    expect(records('later')).toHaveLength(1);
  });
});
