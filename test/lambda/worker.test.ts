/** The functions as they are deployed: their bundles in their own process, with real services around them. */

import { resolve } from 'node:path';
import {
  CreateBucketCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { CreateTopicCommand, SNSClient, SubscribeCommand } from '@aws-sdk/client-sns';
import { CreateQueueCommand, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { parseImageEvent } from '../../contract/event.ts';
import type { Job } from '../../contract/job.ts';
import { mediaKey } from '../../contract/media.ts';
import { migrate } from '../../lambda/migrate/migrate.ts';
import { readMigrations } from '../../lambda/migrate/migrations.ts';
import { type AwsServices, setVariables, startAws } from '../support/aws.ts';
import { type MadeBundles, makeBundles } from '../support/bundles.ts';
import { type RunningFunction, sqsEvent, startFunction } from '../support/function.ts';
import { picture } from '../support/pictures.ts';
import { jpegHeader, png } from '../support/pngs.ts';
import { databaseName, freePort, type PostgresServer, startPostgres } from '../support/postgres.ts';

const region = 'eu-west-1';
const bucket = `meridian-test-media-111111111111-${region}-an`;
let bundles: MadeBundles;
let postgres: PostgresServer;
let aws: AwsServices;
let restore: () => void;
let s3: S3Client;
let sqs: SQSClient;
let heard: string;
let worker: RunningFunction;
let variables: Record<string, string>;

beforeAll(async () => {
  bundles = makeBundles('embedded');
  [[postgres], aws] = await Promise.all([startPostgres(), startAws(region)]);
  await migrate(
    await postgres.connect(),
    await readMigrations(resolve(import.meta.dirname, '../../db/migrations')),
  );
  restore = setVariables(aws.variables);

  s3 = new S3Client({});
  sqs = new SQSClient({ useQueueUrlAsEndpoint: false });
  const sns = new SNSClient({});
  await s3.send(new CreateBucketCommand({ Bucket: bucket }));
  const topic = await sns.send(new CreateTopicCommand({ Name: 'invalidation' }));
  heard = (await sqs.send(new CreateQueueCommand({ QueueName: 'elsewhere' }))).QueueUrl!;
  await sns.send(
    new SubscribeCommand({
      TopicArn: topic.TopicArn,
      Protocol: 'sqs',
      Endpoint: `arn:aws:sqs:${region}:000000000000:elsewhere`,
      Attributes: { RawMessageDelivery: 'true' },
    }),
  );
  sns.destroy();

  variables = {
    ...aws.variables,
    DATABASE_HOST: postgres.endpoint,
    DATABASE_READER_HOST: postgres.endpoint,
    DATABASE_NAME: databaseName,
    DATABASE_TLS: 'off',
    // Nothing listens there: a worker without its cache does its work all the same.
    CACHE_HOST: `127.0.0.1:${await freePort()}`,
    CACHE_NAME: 'cache',
    CACHE_USER: 'user',
    CACHE_KIND: 'nodes',
    CACHE_TLS: 'off',
    MEDIA_BUCKET: bucket,
    INVALIDATION_TOPIC_ARN: topic.TopicArn!,
  };
  worker = await startFunction(bundles.worker, variables);
}, 60_000);

afterAll(async () => {
  await worker?.stop();
  s3?.destroy();
  sqs?.destroy();
  restore?.();
  await Promise.all([postgres?.stop(), aws?.stop()]);
  bundles?.remove();
});

let count = 0;
/** Uploads bytes and makes the job for them. */
async function jobFor(bytes: Uint8Array): Promise<Job> {
  const imageId = `01a20cb5-8f76-759a-b292-${String(++count).padStart(12, '0')}`;
  const key = mediaKey(region, imageId);
  await s3.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: bytes }));
  return {
    version: 1,
    imageId,
    owner: 'somebody',
    bucket,
    key,
    contentType: 'image/png',
    size: bytes.length,
    submittedAt: new Date().toISOString(),
  };
}

const run = (...bodies: string[]) => worker.invoke<{ batchItemFailures: unknown[] }>(sqsEvent(...bodies));

async function rowOf({ imageId }: Pick<Job, 'imageId'>) {
  const { rows } = await (await postgres.connect()).query('SELECT * FROM images WHERE id = $1', [imageId]);
  return rows[0];
}

/** What the other regions have heard since. */
async function news() {
  const { Messages = [] } = await sqs.send(
    new ReceiveMessageCommand({ QueueUrl: heard, MaxNumberOfMessages: 10 }),
  );
  return Messages.map(({ Body }) => parseImageEvent(Body!));
}

describe('the embedded worker', () => {
  test.each([
    ['chelsea', 'cat'],
    ['coffee', 'cup'],
    ['camera', 'person'],
    ['astronaut', 'person'],
  ] as const)(
    'sees in %s a %s',
    async (name, label) => {
      const job = await jobFor(picture(name));
      expect(await run(JSON.stringify(job))).toEqual({ batchItemFailures: [] });
      const row = await rowOf(job);
      expect(row).toMatchObject({
        owner: 'somebody',
        object_key: job.key,
        status: 'classified',
        reason: null,
      });
      expect(row.labels[0]).toEqual({ name: label, score: expect.any(Number) });
      expect(row.labels[0].score).toBeGreaterThanOrEqual(50);
      expect(await news()).toEqual([
        expect.objectContaining({ imageId: job.imageId, region, status: 'classified', labels: row.labels }),
      ]);
    },
    15_000,
  );

  test('answers a bad picture with a reason, and goes on', async () => {
    const cases: [string, Buffer, RegExp][] = [
      ['empty', Buffer.alloc(0), /empty/],
      ['text', Buffer.from('not a picture'), /not a JPEG or PNG/],
      [
        'SVG',
        Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="100" height="100"/>'),
        /not a JPEG or PNG/,
      ],
      ['one pixel', png(1, 1), /at least 80/],
      ['bomb', png(30_000, 30_000, 100), /at most 10000/],
      ['header of a JPEG', jpegHeader(100, 100), /cannot be decoded/],
      ['cut off', Buffer.from(picture('chelsea')).subarray(0, 100_000), /cannot be decoded/],
      ['fewer rows than claimed', png(200, 200, 20), /cannot be decoded/],
      ['too large', Buffer.alloc(10 * 1024 * 1024 + 1), /at most 10485760/],
    ];
    const jobs = await Promise.all(cases.map(([, bytes]) => jobFor(bytes)));
    const grey = await jobFor(png(100, 100));
    expect(await run(...[...jobs, grey].map((job) => JSON.stringify(job)))).toEqual({
      batchItemFailures: [],
    });
    for (const [i, [name, , reason]] of cases.entries()) {
      const row = await rowOf(jobs[i]!);
      expect([name, row.status, row.reason]).toEqual([name, 'rejected', expect.stringMatching(reason)]);
    }
    expect(await rowOf(grey)).toMatchObject({ status: 'classified', labels: [] });
    expect(await news()).toHaveLength(10);
  }, 60_000);

  test('reports only the messages that it cannot process', async () => {
    await news();
    const good = await jobFor(png(100, 100));
    const gone = {
      ...good,
      imageId: '01a20cb5-8f76-759a-b292-ffffffffffff',
      key: mediaKey(region, '01a20cb5-8f76-759a-b292-ffffffffffff'),
    };
    const nowhere = { ...gone, key: 'elsewhere/x' };
    expect(
      await run(
        '{"version":9}',
        JSON.stringify(good),
        'no json',
        JSON.stringify(gone),
        JSON.stringify(nowhere),
      ),
    ).toEqual({
      batchItemFailures: ['0', '2', '3', '4'].map((itemIdentifier) => ({ itemIdentifier })),
    });
    expect(await rowOf(good)).toMatchObject({ status: 'classified' });
    expect(await rowOf(gone)).toBeUndefined();
    await news();
  });

  test('does a job once and tells of it as often as it is asked', async () => {
    const job = await jobFor(png(100, 100));
    await run(JSON.stringify(job));
    const first = await rowOf(job);
    expect(await run(JSON.stringify(job), JSON.stringify(job))).toEqual({ batchItemFailures: [] });
    expect(await rowOf(job)).toEqual(first);
    expect(await news()).toHaveLength(3);
  });

  test('begins nothing for which there is no time, and loses nothing of it', async () => {
    const job = await jobFor(png(100, 100));
    expect(await worker.invoke(sqsEvent(JSON.stringify(job)), 1000)).toEqual({
      batchItemFailures: [{ itemIdentifier: '0' }],
    });
    expect(await rowOf(job)).toBeUndefined();
  });
});

test('the publisher puts every file of the client into the bucket, named for ever', async () => {
  await s3.send(new CreateBucketCommand({ Bucket: 'assets' }));
  const publisher = await startFunction(bundles.publish, { ...aws.variables, ASSETS_BUCKET: 'assets' });
  try {
    const keys = await publisher.invoke<string[]>();
    const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket: 'assets' }));
    expect(Contents.map(({ Key }) => Key).sort()).toEqual(keys.toSorted());
    expect(keys.toSorted()).toEqual([
      expect.stringMatching(/^assets\/app-[A-Z0-9]{8}\.css$|^assets\/app-[A-Z0-9]{8}\.js$/),
      expect.stringMatching(/^assets\/app-[A-Z0-9]{8}\.css$|^assets\/app-[A-Z0-9]{8}\.js$/),
      expect.stringMatching(/^assets\/fallback-[A-Z0-9]{8}\.js$/),
    ]);
    const script = await s3.send(
      new GetObjectCommand({ Bucket: 'assets', Key: keys.find((key) => key.endsWith('.js'))! }),
    );
    expect([script.ContentType, script.CacheControl]).toEqual([
      'text/javascript; charset=utf-8',
      'public, max-age=31536000, immutable',
    ]);
    await publisher.invoke();
  } finally {
    await publisher.stop();
  }
});
