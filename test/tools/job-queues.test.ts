/** The job queues that the command looks at: which they are, and what it does to them. */

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  CreateQueueCommand,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { localCredentials } from '../../contract/local.ts';
import { JobQueue, queueNames } from '../../tools/job-queues.ts';
import { type AwsServices, startAws } from '../support/aws.ts';
import { synthesize } from '../support/synth.ts';

const region = 'eu-west-1';

describe('which queues', () => {
  const { assembly } = synthesize('production');

  test('every region’s own, by the variable of its tasks', () => {
    expect(queueNames(assembly)).toEqual(
      ['us-east-1', 'eu-west-1', 'ap-southeast-1'].map((name) => ({
        region: name,
        queue: 'meridian-production-jobs',
        deadLetters: 'meridian-production-jobs-dead',
      })),
    );
  });

  test('templates without such a task are refused', () => {
    const without = { ...assembly, stacks: assembly.stacks.filter(({ id }) => !id.endsWith('-service')) };
    expect(() => queueNames(without)).toThrow('no task of the templates has a variable JOB_QUEUE_URL');
  });
});

describe('dead letters', () => {
  let aws: AwsServices;
  let client: SQSClient;
  let queue: JobQueue;
  let names: { readonly region: string; readonly queue: string; readonly deadLetters: string };
  let made = 0;

  const connect = () => new SQSClient({ region, endpoint: aws.url, credentials: localCredentials });
  const urlOf = (name: string) => `${aws.url}/000000000000/${name}`;
  const give = (...bodies: string[]) =>
    client.send(
      new SendMessageBatchCommand({
        QueueUrl: urlOf(names.deadLetters),
        Entries: bodies.map((MessageBody, at) => ({ Id: String(at), MessageBody })),
      }),
    );

  beforeAll(async () => {
    aws = await startAws(region);
    client = connect();
  });
  afterAll(async () => {
    client?.destroy();
    await aws?.stop();
  });
  beforeEach(async () => {
    made += 1;
    names = { region, queue: `jobs-${made}`, deadLetters: `jobs-${made}-dead` };
    for (const name of [names.queue, names.deadLetters]) {
      await client.send(new CreateQueueCommand({ QueueName: name }));
    }
    queue = new JobQueue(client, names, 'one by one');
  });

  test('are counted, and looked at without being taken', async () => {
    await give('one', 'two');
    expect(await queue.backlog()).toEqual({ waiting: 0, underWay: 0, givenUp: 2 });
    const seen = await queue.peek(10);
    expect(seen.map(({ body }) => body).sort()).toEqual(['one', 'two']);
    expect(seen[0]).toMatchObject({ receives: 1, sentAt: expect.stringMatching(/^20\d\d-.*Z$/) });
    expect(await queue.backlog()).toMatchObject({ givenUp: 2 });
    // Hidden for a moment by that, and not forgotten.
    expect(await queue.redrive(10)).toBe(2);
  }, 20_000);

  test('no more than asked for are looked at', async () => {
    await give('one', 'two', 'three');
    expect(await queue.peek(2)).toHaveLength(2);
  });

  test('go back to their queue, each once and at most at the rate', async () => {
    const bodies = ['one', 'two', 'three', 'four', 'five'];
    await give(...bodies);
    const began = performance.now();
    expect(await queue.redrive(4)).toBe(5);
    // Four, a second's pause, and the fifth.
    expect(performance.now() - began).toBeGreaterThanOrEqual(950);
    expect(await queue.backlog()).toEqual({ waiting: 5, underWay: 0, givenUp: 0 });
    const { Messages = [] } = await client.send(
      new ReceiveMessageCommand({ QueueUrl: urlOf(names.queue), MaxNumberOfMessages: 10 }),
    );
    expect(Messages.map(({ Body }) => Body).sort()).toEqual(bodies.sort());
  });

  test('are deleted, and what waits in the queue is not', async () => {
    await give('one', 'two');
    await queue.redrive(10);
    await give('three');
    await queue.purge();
    expect(await queue.backlog()).toEqual({ waiting: 2, underWay: 0, givenUp: 0 });
  });
});

test('on AWS the move is SQS’s own, at the rate that is asked for', async () => {
  const calls: { action: string; body: Record<string, unknown> }[] = [];
  const answers: Readonly<Record<string, (body: Record<string, unknown>) => unknown>> = {
    GetQueueUrl: ({ QueueName }) => ({ QueueUrl: `https://sqs/${QueueName}` }),
    GetQueueAttributes: () => ({
      Attributes: {
        QueueArn: 'arn:aws:sqs:eu-west-1:111111111111:jobs-dead',
        ApproximateNumberOfMessages: '7',
        ApproximateNumberOfMessagesNotVisible: '0',
      },
    }),
    StartMessageMoveTask: () => ({ TaskHandle: 'task' }),
  };
  const server = createServer(async (request, response) => {
    let text = '';
    for await (const chunk of request) text += chunk;
    const action = String(request.headers['x-amz-target']).replace('AmazonSQS.', '');
    const body = JSON.parse(text);
    calls.push({ action, body });
    response
      .setHeader('content-type', 'application/x-amz-json-1.0')
      .end(JSON.stringify(answers[action]!(body)));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const queue = new JobQueue(
    new SQSClient({ region, endpoint, credentials: localCredentials, maxAttempts: 1 }),
    { region, queue: 'jobs', deadLetters: 'jobs-dead' },
    'task',
  );
  try {
    expect(await queue.redrive(20)).toBe(7);
    const moves = calls.filter(({ action }) => !action.startsWith('GetQueue'));
    expect(moves).toEqual([
      {
        action: 'StartMessageMoveTask',
        body: { SourceArn: 'arn:aws:sqs:eu-west-1:111111111111:jobs-dead', MaxNumberOfMessagesPerSecond: 20 },
      },
    ]);
  } finally {
    queue.close();
    server.closeAllConnections();
    server.close();
  }
});
