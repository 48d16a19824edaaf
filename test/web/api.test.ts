/** The API through its own door, with real PostgreSQL, S3 and SQS behind it. */

import { createHash } from 'node:crypto';
import { resolve } from 'node:path';
import { CreateBucketCommand, DeleteObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { CreateQueueCommand, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { FastifyInstance } from 'fastify';
import { pino } from 'pino';
import type { Outcome } from '../../contract/event.ts';
import { parseJob } from '../../contract/job.ts';
import { mediaKey, uploadMetadata } from '../../contract/media.ts';
import { openResults } from '../../lambda/classify/results.ts';
import { migrate } from '../../lambda/migrate/migrate.ts';
import { readMigrations } from '../../lambda/migrate/migrations.ts';
import { cacheAside } from '../../runtime/cache-aside.ts';
import { S3Clients } from '../../runtime/clients.ts';
import { type Database, openDatabase } from '../../runtime/database.ts';
import { buildApp } from '../../web/app.ts';
import { EventStreams } from '../../web/event-streams.ts';
import { openImages } from '../../web/images.ts';
import { type Jobs, openJobs } from '../../web/jobs.ts';
import { openMedia } from '../../web/media.ts';
import { Readiness } from '../../web/readiness.ts';
import { type AwsServices, setVariables, startAws } from '../support/aws.ts';
import { someClient } from '../support/client-files.ts';
import { databaseName, freePort, type PostgresServer, startPostgres } from '../support/postgres.ts';

const region = 'eu-west-1';
const regions = ['us-east-1', region];
const bucketIn = (name: string) => `meridian-test-media-111111111111-${name}-an`;
const bucket = bucketIn(region);
const absent = '01a20cb5-8f76-759a-b292-cb4b79d094af';
const picture = Buffer.from('any bytes will do');
const claim = {
  contentType: 'image/png',
  size: picture.length,
  sha256: createHash('sha256').update(picture).digest('base64'),
};

interface Slot {
  id: string;
  key: string;
  upload: { method: string; url: string; headers: Record<string, string> };
}

let postgres: PostgresServer;
let aws: AwsServices;
let restore: () => void;
let database: Database;
let buckets: S3Clients;
let jobs: Jobs;
let s3: S3Client;
let sqs: SQSClient;
let queueUrl: string;
let app: FastifyInstance;
/** The same service whose database, queue and other region are away. */
let alone: FastifyInstance;

beforeAll(async () => {
  [[postgres], aws] = await Promise.all([startPostgres(), startAws(region)]);
  restore = setVariables({ ...aws.variables, DATABASE_TLS: 'off' });
  await migrate(
    await postgres.connect(),
    await readMigrations(resolve(import.meta.dirname, '../../db/migrations')),
  );

  s3 = new S3Client({});
  sqs = new SQSClient({ useQueueUrlAsEndpoint: false });
  for (const name of regions) await s3.send(new CreateBucketCommand({ Bucket: bucketIn(name) }));
  queueUrl = (await sqs.send(new CreateQueueCommand({ QueueName: 'jobs' }))).QueueUrl!;
  jobs = openJobs(queueUrl);

  buckets = new S3Clients();
  database = openAt(postgres.endpoint);
  app = serve(database, jobs, buckets);
  const nowhere = `127.0.0.1:${await freePort()}`;
  const unreachable = {
    in: (name: string) =>
      name === region
        ? buckets.in(name)
        : new S3Client({ region: name, endpoint: `http://${nowhere}`, maxAttempts: 1 }),
    close: () => {},
  } as unknown as S3Clients;
  const failing = { submit: () => Promise.reject(new Error('no queue')), close: () => {} };
  alone = serve(openAt(nowhere), failing, unreachable);
});

afterAll(async () => {
  await Promise.all([app?.close(), alone?.close(), database?.close()]);
  for (const client of [jobs, buckets]) client?.close();
  s3?.destroy();
  sqs?.destroy();
  restore?.();
  await Promise.all([postgres?.stop(), aws?.stop()]);
});

function openAt(endpoint: string): Database {
  return openDatabase(
    { DATABASE_HOST: endpoint, DATABASE_READER_HOST: endpoint, DATABASE_NAME: databaseName },
    pino({ enabled: false }),
  );
}

function serve(from: Database, to: Jobs, media: S3Clients): FastifyInstance {
  const noCache = { get: async () => undefined, set: async () => {} };
  return buildApp({
    region,
    regions,
    task: 'task-1',
    media: openMedia(media, bucket, region, regions),
    jobs: to,
    images: openImages(from, cacheAside(noCache as never, 1000)),
    readiness: new Readiness(from),
    streams: new EventStreams(),
    client: someClient,
    log: pino({ enabled: false }),
  });
}

/** A person with a cookie of their own. */
async function newcomer(): Promise<{ cookie: string; slot: Slot }> {
  const answer = await app.inject({ method: 'POST', url: '/api/images', payload: claim });
  expect(answer.statusCode).toBe(201);
  return { cookie: String(answer.headers['set-cookie']).split(';')[0]!, slot: answer.json() };
}

const put = ({ upload }: Slot, body = picture) =>
  fetch(upload.url, { method: upload.method, headers: upload.headers, body: new Uint8Array(body) });

const complete = (slot: Pick<Slot, 'id' | 'key'>, cookie = '', at = app) =>
  at.inject({
    method: 'POST',
    url: `/api/images/${slot.id}/complete`,
    headers: { cookie },
    payload: { key: slot.key },
  });

/** Puts an object as it would lie there after an upload elsewhere, or one that nobody signed. */
const place = (key: string, metadata: Record<string, string>, more: object = {}) =>
  s3.send(
    new PutObjectCommand({
      Bucket: bucketIn(key.split('/')[1]!),
      Key: key,
      Body: picture,
      ContentType: 'image/png',
      ChecksumSHA256: claim.sha256,
      Metadata: metadata,
      ...more,
    }),
  );

const metadataOf = ({ upload }: Slot) => ({
  owner: upload.headers[uploadMetadata.owner]!,
  'image-id': upload.headers[uploadMetadata.imageId]!,
});

async function received(): Promise<{ Body?: string }[]> {
  const { Messages = [] } = await sqs.send(
    new ReceiveMessageCommand({
      QueueUrl: queueUrl,
      MaxNumberOfMessages: 10,
    }),
  );
  return Messages;
}

describe('a picture on its way', () => {
  test('is claimed without a database, by a request that signs all that was claimed', async () => {
    const answer = await alone.inject({ method: 'POST', url: '/api/images', payload: claim });
    expect(answer.statusCode).toBe(201);
    const { id, key, upload } = answer.json<Slot>();
    expect(key).toBe(`media/${region}/${id}`);
    const url = new URL(upload.url);
    expect(url.pathname).toBe(`/${bucket}/${key}`);
    expect(url.searchParams.get('X-Amz-SignedHeaders')?.split(';')).toEqual([
      'content-length',
      'content-type',
      'host',
      'x-amz-checksum-sha256',
      'x-amz-meta-image-id',
      'x-amz-meta-owner',
    ]);
    // In the query a client would not have to send them.
    expect([...url.searchParams.keys()].filter((name) => /checksum|meta/.test(name))).toEqual([]);
    expect(upload.headers).toMatchObject({
      'content-type': 'image/png',
      'x-amz-checksum-sha256': claim.sha256,
    });
  });

  test('belongs to a cookie that nobody else can read, and not to what others can see of it', async () => {
    const answer = await app.inject({ method: 'POST', url: '/api/images', payload: claim });
    const header = String(answer.headers['set-cookie']);
    expect(header).toMatch(/^owner=[0-9a-f-]{36}; Path=\/; Max-Age=\d+; HttpOnly; Secure; SameSite=Lax$/);
    const secret = /owner=([^;]+)/.exec(header)![1]!;
    expect(answer.body).not.toContain(secret);
    const again = await app.inject({
      method: 'POST',
      url: '/api/images',
      headers: { cookie: `a=b; owner=${secret}` },
      payload: claim,
    });
    expect(again.headers['set-cookie']).toBeUndefined();
    expect(metadataOf(again.json())).toMatchObject({ owner: metadataOf(answer.json()).owner });
  });

  test('waits from its upload on, and is queued once it is complete', async () => {
    const { cookie, slot } = await newcomer();
    expect((await app.inject(`/api/images/${slot.id}`)).statusCode).toBe(404);
    expect((await put(slot)).status).toBe(200);
    expect((await app.inject(`/api/images/${slot.id}`)).json()).toEqual({
      id: slot.id,
      status: 'waiting',
      url: `/${slot.key}`,
    });

    const first = await complete(slot, cookie);
    const second = await complete(slot, cookie);
    expect([first.statusCode, first.json()]).toEqual([
      202,
      { id: slot.id, status: 'waiting', url: `/${slot.key}` },
    ]);
    expect([second.statusCode, second.json()]).toEqual([202, first.json()]);

    const messages = await received();
    const { owner } = metadataOf(slot);
    expect(messages.map(({ Body }) => parseJob(Body!))).toEqual(
      [1, 2].map(() =>
        expect.objectContaining({
          imageId: slot.id,
          owner,
          bucket,
          key: slot.key,
          contentType: 'image/png',
          size: picture.length,
        }),
      ),
    );
  });

  test('may be complete in another region than the one it was uploaded in', async () => {
    const { cookie, slot } = await newcomer();
    const key = mediaKey('us-east-1', slot.id);
    await place(key, metadataOf(slot));
    expect((await complete({ id: slot.id, key }, cookie)).statusCode).toBe(202);
    expect(parseJob((await received())[0]!.Body!)).toMatchObject({ bucket: bucketIn('us-east-1'), key });
  });
});

describe('what is refused', () => {
  test.each([
    ['another type', { ...claim, contentType: 'image/gif' }, /contentType/],
    ['no bytes', { ...claim, size: 0 }, /size/],
    ['too many bytes', { ...claim, size: 10 * 1024 * 1024 + 1 }, /size/],
    ['half a byte', { ...claim, size: 1.5 }, /size/],
    ['a checksum that is none', { ...claim, sha256: 'abc' }, /sha256/],
    ['nothing claimed', {}, /required/],
  ])('%s', async (_case, payload, detail) => {
    const answer = await app.inject({ method: 'POST', url: '/api/images', payload });
    expect(answer.statusCode).toBe(400);
    expect(answer.headers['content-type']).toMatch('application/problem+json');
    expect(answer.json()).toEqual({
      title: 'Bad request',
      status: 400,
      detail: expect.stringMatching(detail),
    });
  });

  test.each([
    ['no JSON', { headers: { 'content-type': 'application/json' }, payload: '{' }, 400],
    ['text', { headers: { 'content-type': 'text/plain' }, payload: 'x' }, 415],
    [
      'a picture sent here',
      { headers: { 'content-type': 'application/json' }, payload: 'x'.repeat(20_000) },
      413,
    ],
  ])('%s in the place of a claim', async (_case, request, status) => {
    const answer = await app.inject({ method: 'POST', url: '/api/images', ...request });
    expect([answer.statusCode, answer.json().status]).toEqual([status, status]);
  });

  test('completing before the upload', async () => {
    const { cookie, slot } = await newcomer();
    const answer = await complete(slot, cookie);
    expect([answer.statusCode, answer.json().detail]).toEqual([409, expect.stringContaining('upload first')]);
  });

  test.each([
    ['of another image', mediaKey(region, absent)],
    ['of a region that is none', mediaKey('eu-north-1', absent)],
    ['that is none', '../secrets'],
  ])('a key %s', async (_case, key) => {
    const { cookie, slot } = await newcomer();
    expect((await complete({ id: slot.id, key }, cookie)).statusCode).toBe(400);
  });

  test('an upload that nobody signed', async () => {
    const { cookie, slot } = await newcomer();
    await place(slot.key, {});
    expect((await complete(slot, cookie)).statusCode).toBe(409);
  });

  test("somebody else's upload, and one without a cookie", async () => {
    const { slot } = await newcomer();
    const other = await newcomer();
    await put(slot);
    expect((await complete(slot, other.cookie)).statusCode).toBe(403);
    expect((await complete(slot)).statusCode).toBe(403);
    expect(await received()).toEqual([]);
  });

  test('an object of another type', async () => {
    const { cookie, slot } = await newcomer();
    await place(slot.key, metadataOf(slot), { ContentType: 'image/svg+xml' });
    expect((await complete(slot, cookie)).statusCode).toBe(415);
  });

  test.each([
    ['/api/images/not-an-id', 400],
    [`/api/images/${absent}`, 404],
    ['/api/images?limit=0', 400],
    ['/api/images?limit=51', 400],
    ['/api/images?cursor=x', 400],
    ['/api/nothing', 404],
    ['/fallback-assets/nothing.js', 404],
    ['/drainz/eu-north-1', 404],
    ['/%zz', 400],
  ])('%s', async (url, status) => {
    const answer = await app.inject(url);
    expect([answer.statusCode, answer.json().status]).toEqual([status, status]);
  });
});

describe('when a part is away', () => {
  test('a job that cannot be queued is not acknowledged', async () => {
    const { cookie, slot } = await newcomer();
    await put(slot);
    const answer = await complete(slot, cookie, alone);
    expect([answer.statusCode, answer.headers['retry-after']]).toEqual([503, '2']);
  });

  test('an upload in a region that does not answer is to be made again', async () => {
    const { cookie, slot } = await newcomer();
    const answer = await complete({ id: slot.id, key: mediaKey('us-east-1', slot.id) }, cookie, alone);
    expect([answer.statusCode, answer.json().detail]).toEqual([409, expect.stringContaining('upload again')]);
  });

  test('reading says so', async () => {
    for (const url of ['/api/images', `/api/images/${absent}`]) {
      expect((await alone.inject(url)).statusCode).toBe(503);
    }
  });

  test('a task that was never ready takes no traffic, one that was stays', async () => {
    expect((await alone.inject('/healthz')).statusCode).toBe(503);
    expect((await alone.inject('/readyz')).json()).toEqual({ status: 'the local database does not answer' });
    expect((await app.inject('/readyz')).statusCode).toBe(200);
    expect((await app.inject('/healthz')).statusCode).toBe(200);
  });
});

describe('finished pictures', () => {
  const at = '2026-11-24T08:39:15.062Z';
  const ids = [1, 2, 3].map((n) => `01a20cb5-8f76-759a-b292-cb4b79d0940${n}`);

  beforeAll(async () => {
    const results = openResults(database);
    for (const [i, imageId] of ids.entries()) {
      const job = {
        version: 1,
        imageId,
        owner: `owner-${i}`,
        bucket,
        key: mediaKey(region, imageId),
        contentType: 'image/png',
        size: 1,
        submittedAt: at,
      } as const;
      const outcome: Outcome =
        i === 0
          ? { status: 'rejected', reason: 'cut off' }
          : { status: 'classified', labels: [{ name: 'cat', score: 93.1 }] };
      await results.keep(job, 'model/1', outcome, new Date());
    }
  });

  test('are read one by one', async () => {
    expect((await app.inject(`/api/images/${ids[1]}`)).json()).toEqual({
      id: ids[1],
      owner: 'owner-1',
      url: `/media/${region}/${ids[1]}`,
      submittedAt: at,
      modelVersion: 'model/1',
      status: 'classified',
      labels: [{ name: 'cat', score: 93.1 }],
    });
    expect((await app.inject(`/api/images/${ids[0]}`)).json()).toMatchObject({
      status: 'rejected',
      reason: 'cut off',
    });
  });

  test('are listed newest first, page by page', async () => {
    const first = (await app.inject('/api/images?limit=2')).json();
    expect(first.images.map((image: { id: string }) => image.id)).toEqual([ids[2], ids[1]]);
    const last = (await app.inject(`/api/images?limit=2&cursor=${first.next}`)).json();
    expect(last).toEqual({ images: [expect.objectContaining({ id: ids[0] })] });
  });

  test('are listed by an ordered look into each partition', async () => {
    const client = await postgres.connect();
    await client.query('SET enable_seqscan = off');
    const { rows } = await client.query(
      'EXPLAIN SELECT id FROM images WHERE id < $1 ORDER BY id DESC LIMIT 2'.replace('$1', `'${absent}'`),
    );
    const plan = rows.map((row) => row['QUERY PLAN']).join('\n');
    expect(plan).toMatch('Merge Append');
    expect(plan.match(/Index (Only )?Scan/g)).toHaveLength(4);
    expect(plan).not.toMatch('Sort Method');
  });
});

describe('answers', () => {
  test('say who gave them', async () => {
    for (const url of ['/', '/api/images', '/nothing']) {
      expect((await app.inject(url)).headers).toMatchObject({
        'x-served-region': region,
        'x-served-task': 'task-1',
      });
    }
  });

  test('that are personal are kept by nobody, the page and its files are', async () => {
    expect((await app.inject('/api/images')).headers['cache-control']).toBe('private, no-store');
    const page = await app.inject('/');
    expect(page.headers['cache-control']).toBe('public, max-age=0, s-maxage=5, stale-if-error=86400');
    expect(page.headers['set-cookie']).toBeUndefined();
    expect(page.body).toMatch('<script type="module" src="/assets/app-AAAAAAAA.js">');
    expect(page.body).toMatch('<script src="/fallback-assets/fallback-CCCCCCCC.js">');
    for (const prefix of ['/assets/', '/fallback-assets/']) {
      const file = await app.inject(`${prefix}app-AAAAAAAA.js`);
      expect([file.body, file.headers['cache-control']]).toEqual([
        'app-AAAAAAAA.js',
        'public, max-age=31536000, immutable',
      ]);
    }
  });

  test('about a neighbour follow the object that drains it', async () => {
    const drain = { Bucket: bucket, Key: 'drain/us-east-1' };
    expect((await app.inject('/drainz/us-east-1')).statusCode).toBe(404);
    await s3.send(new PutObjectCommand({ ...drain, Body: 'drained' }));
    // Another instance: answers are kept for a second.
    const other = serve(database, jobs, buckets);
    expect((await other.inject('/drainz/us-east-1')).statusCode).toBe(200);
    await other.close();
    await s3.send(new DeleteObjectCommand(drain));
  });
});
