/** A message that can never be processed is received as often as the template says, and kept where it can be seen. */

import { ReceiveMessageCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { localCredentials } from '../../contract/local.ts';
import { picture } from '../support/pictures.ts';
import { type OwnRun, startRun } from '../support/run.ts';
import { Viewer } from '../support/viewer.ts';

let run: OwnRun;

beforeAll(async () => {
  // Half of the template's 30 seconds of visibility, three times; faster, and a cold worker has no time for a picture.
  run = await startRun({ name: 'test-dead-letters', flags: ['--fresh', '--time-scale', '2'] });
}, 120_000);

afterAll(async () => {
  await run?.stop();
  run?.forget();
}, 60_000);

test('it ends in the dead-letter queue, and the pictures around it are classified', async () => {
  const { resources } = await run.control.state();
  const urlOf = (name: string): string => {
    const queue = resources.find(
      ({ type, region, describe }) =>
        type === 'AWS::SQS::Queue' && region === 'us-east-1' && String(describe['name']).endsWith(name),
    );
    return String(queue?.describe['url']);
  };
  const client = new SQSClient({
    region: 'us-east-1',
    endpoint: new URL(urlOf('-jobs')).origin,
    credentials: localCredentials,
  });
  try {
    const viewer = await Viewer.in('US', run.site);
    await client.send(new SendMessageCommand({ QueueUrl: urlOf('-jobs'), MessageBody: '{"version":99}' }));
    const { slot } = await viewer.upload(picture('coffee'));
    expect((await viewer.result(slot.id)).status).toBe('classified');

    let body: string | undefined;
    for (let polls = 0; polls < 6 && body === undefined; polls++) {
      const { Messages } = await client.send(
        new ReceiveMessageCommand({ QueueUrl: urlOf('-jobs-dead'), WaitTimeSeconds: 20 }),
      );
      body = Messages?.[0]?.Body;
    }
    expect(body).toBe('{"version":99}');
  } finally {
    client.destroy();
  }
}, 180_000);
