/** What is asked of SQS, read by a server in its place: it keeps the group of a message to itself. */

import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { json } from 'node:stream/consumers';
import { afterEach, expect, test } from '@jest/globals';
import { parseJob } from '../../contract/job.ts';
import { openJobs } from '../../web/jobs.ts';
import { setVariables } from '../support/aws.ts';

const stops: (() => void)[] = [];
afterEach(() => {
  for (const stop of stops.splice(0)) stop();
});

test("a job's group is its owner, so that one owner's many do not delay the others", async () => {
  const requests: Record<string, string>[] = [];
  const server = createServer(async (request, response) => {
    const asked = (await json(request)) as Record<string, string>;
    requests.push(asked);
    const MD5OfMessageBody = createHash('md5').update(asked['MessageBody']!).digest('hex');
    response
      .setHeader('content-type', 'application/x-amz-json-1.0')
      .end(JSON.stringify({ MessageId: '1', MD5OfMessageBody }));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  stops.push(() => server.close().closeAllConnections());
  stops.push(
    setVariables({
      AWS_REGION: 'eu-west-1',
      AWS_ACCESS_KEY_ID: 'a',
      AWS_SECRET_ACCESS_KEY: 'b',
      AWS_ENDPOINT_URL_SQS: `http://127.0.0.1:${port}`,
    }),
  );

  const jobs = openJobs('http://elsewhere.invalid/1/jobs');
  stops.push(() => jobs.close());
  const job = {
    version: 1,
    imageId: '01a20cb5-8f76-759a-b292-cb4b79d094af',
    owner: 'somebody',
    bucket: 'bucket',
    key: 'key',
    contentType: 'image/png',
    size: 1,
    submittedAt: '2026-11-24T08:39:15.062Z',
  } as const;
  await jobs.submit(job);
  expect(requests).toEqual([
    expect.objectContaining({ QueueUrl: 'http://elsewhere.invalid/1/jobs', MessageGroupId: 'somebody' }),
  ]);
  expect(parseJob(requests[0]!['MessageBody']!)).toEqual(job);
});
