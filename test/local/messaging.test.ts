/** Queues and topics of two regions, as the SDK's clients see them. */

import { existsSync, readFileSync } from 'node:fs';
import { PublishCommand, SNSClient } from '@aws-sdk/client-sns';
import {
  ChangeMessageVisibilityCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  type Message,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { localCredentials } from '../../contract/local.ts';
import { queue } from '../../local/resources/queue.ts';
import { subscription } from '../../local/resources/subscription.ts';
import { topic } from '../../local/resources/topic.ts';
import { localVariables } from '../../local/variables.ts';
import { account, type SmallRun, type SmallStack, smallRun } from '../support/small-run.ts';

const [home, away] = ['us-east-1', 'eu-west-1'] as const;

/** Jobs with a dead-letter queue, and what hears the other region's topic. */
const service = (region: string): SmallStack => ({
  region,
  resources: {
    Dead: { Type: 'AWS::SQS::Queue', Properties: { QueueName: 'jobs-dead' } },
    Jobs: {
      Type: 'AWS::SQS::Queue',
      Properties: {
        QueueName: 'jobs',
        VisibilityTimeout: 100,
        RedrivePolicy: { deadLetterTargetArn: { 'Fn::GetAtt': ['Dead', 'Arn'] }, maxReceiveCount: 2 },
      },
    },
    Heard: { Type: 'AWS::SQS::Queue', Properties: { QueueName: 'heard' } },
    Topic: { Type: 'AWS::SNS::Topic', Properties: { TopicName: 'news' } },
  },
});

const stacks: Record<string, SmallStack> = {
  [`${home}-service`]: service(home),
  [`${away}-service`]: service(away),
  [`${away}-mesh`]: {
    region: away,
    dependencies: [`${home}-service`, `${away}-service`],
    resources: {
      Hear: {
        Type: 'AWS::SNS::Subscription',
        Properties: {
          TopicArn: `arn:aws:sns:${home}:${account}:news`,
          Region: home,
          Protocol: 'sqs',
          Endpoint: `arn:aws:sqs:${away}:${account}:heard`,
          RawMessageDelivery: true,
        },
      },
      HearSelf: {
        Type: 'AWS::SNS::Subscription',
        Properties: {
          TopicArn: `arn:aws:sns:${away}:${account}:news`,
          Protocol: 'sqs',
          Endpoint: `arn:aws:sqs:${away}:${account}:heard`,
          RawMessageDelivery: true,
        },
      },
    },
  },
};

const sockets = '/proc/net/tcp';
const modules = [queue, topic, subscription];
let run: SmallRun;
const clients: { destroy(): void }[] = [];

beforeAll(async () => {
  // 100 s of visibility are 1 s here.
  run = await smallRun(stacks, { modules, timeScale: 100 });
  await run.run.start();
}, 40_000);

afterAll(async () => {
  for (const client of clients) client.destroy();
  await run?.close();
}, 20_000);

function clientOf<T extends { destroy(): void }>(
  region: string,
  make: (options: { region: string; endpoint: string; credentials: typeof localCredentials }) => T,
): T {
  const endpoint = localVariables(run, region).AWS_ENDPOINT_URL_SQS;
  const client = make({ region, endpoint, credentials: localCredentials });
  clients.push(client);
  return client;
}

const sqsOf = (region: string) => clientOf(region, (options) => new SQSClient(options));
const url = (region: string, id: string) => run.attribute(`${region}-service`, id, 'Ref');

/** The next message of a queue, or undefined when none comes in time. */
async function receive(region: string, id: string, waitSeconds = 10): Promise<Message | undefined> {
  const { Messages } = await sqsOf(region).send(
    new ReceiveMessageCommand({ QueueUrl: url(region, id), WaitTimeSeconds: waitSeconds }),
  );
  return Messages?.[0];
}

describe('a queue', () => {
  test('has the URL and ARN that the template resolves to', async () => {
    const sqs = sqsOf(away);
    expect(await sqs.send(new GetQueueUrlCommand({ QueueName: 'jobs' }))).toMatchObject({
      QueueUrl: url(away, 'Jobs'),
    });
    const { Attributes } = await sqs.send(
      new GetQueueAttributesCommand({ QueueUrl: url(away, 'Jobs'), AttributeNames: ['All'] }),
    );
    expect(Attributes).toMatchObject({
      QueueArn: `arn:aws:sqs:${away}:${account}:jobs`,
      VisibilityTimeout: '1',
      RedrivePolicy: JSON.stringify({
        deadLetterTargetArn: `arn:aws:sqs:${away}:${account}:jobs-dead`,
        maxReceiveCount: 2,
      }),
    });
    expect(run.attribute(`${away}-service`, 'Jobs', 'Arn')).toBe(`arn:aws:sqs:${away}:${account}:jobs`);
  });

  test('gives up a message after its receives', async () => {
    await sqsOf(home).send(
      new SendMessageCommand({ QueueUrl: url(home, 'Jobs'), MessageBody: 'poison', MessageGroupId: 'fair' }),
    );
    expect((await receive(home, 'Jobs'))?.Body).toBe('poison');
    expect((await receive(home, 'Jobs'))?.Body).toBe('poison');
    // The third receive is the one that moves it.
    const [third, dead] = await Promise.all([receive(home, 'Jobs', 3), receive(home, 'Dead')]);
    expect(third).toBeUndefined();
    expect(dead?.Body).toBe('poison');
  }, 20_000);

  test('gives a message back at once when its visibility is set to 0', async () => {
    const sqs = sqsOf(away);
    const QueueUrl = url(away, 'Jobs');
    await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: 'again' }));
    const first = await receive(away, 'Jobs');
    await sqs.send(
      new ChangeMessageVisibilityCommand({
        QueueUrl,
        ReceiptHandle: first!.ReceiptHandle,
        VisibilityTimeout: 0,
      }),
    );
    const second = await receive(away, 'Jobs');
    expect(second?.MessageId).toBe(first?.MessageId);
    await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle: second!.ReceiptHandle }));
  });

  test('loses nothing when its process is killed', async () => {
    await sqsOf(away).send(new SendMessageCommand({ QueueUrl: url(away, 'Jobs'), MessageBody: 'kept' }));
    const { lastEvent } = run.run.report({} as never);
    await run.run.stopUnit(away, 'Jobs', '0');
    await run.event(({ region, event }) => region === away && event === 'accepting', lastEvent);
    expect((await receive(away, 'Jobs'))?.Body).toBe('kept');
  }, 20_000);

  // Only Linux lists who listens where without a program of its own.
  (existsSync(sockets) ? test : test.skip)('listens on loopback alone', () => {
    const listening = readFileSync(sockets, 'utf8');
    const port = Number(new URL(url(home, 'Jobs')).port)
      .toString(16)
      .toUpperCase()
      .padStart(4, '0');
    expect(listening).toContain(`0100007F:${port}`);
    expect(listening).not.toContain(`00000000:${port}`);
  });
});

describe('a topic', () => {
  const publish = (region: string, Message: string) =>
    clientOf(region, (options) => new SNSClient(options)).send(
      new PublishCommand({
        TopicArn: run.attribute(`${region}-service`, 'Topic', 'Ref'),
        Message,
        MessageAttributes: { kind: { DataType: 'String', StringValue: 'test' } },
      }),
    );

  /** Takes messages out until the wanted one comes, or the wait is over. */
  async function heard(wanted: string): Promise<Message | undefined> {
    for (let i = 0; i < 5; i++) {
      const message = await receive(away, 'Heard');
      if (!message) continue;
      await sqsOf(away).send(
        new DeleteMessageCommand({ QueueUrl: url(away, 'Heard'), ReceiptHandle: message.ReceiptHandle }),
      );
      if (message.Body === wanted) return message;
    }
    return undefined;
  }

  test.each([home, away])(
    'of %s reaches the queue',
    async (region) => {
      await publish(region, `from ${region}`);
      expect(await heard(`from ${region}`)).toBeDefined();
    },
    30_000,
  );

  test("keeps what it published while the queue's region was away", async () => {
    await run.run.stopRegion(away);
    await publish(home, 'meanwhile');
    await run.run.startRegion(away);
    expect(await heard('meanwhile')).toBeDefined();
  }, 60_000);

  test('delivers again after its own region was away', async () => {
    await run.run.stopRegion(home);
    await run.run.startRegion(home);
    await publish(home, 'back');
    expect(await heard('back')).toBeDefined();
  }, 60_000);
});
