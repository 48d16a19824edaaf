/** The page in a real browser. Jobs are done by the test, so that what the page does in between can be seen. */

import { once } from 'node:events';
import { request as ask, createServer, type Server } from 'node:http';
import { join, resolve } from 'node:path';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { CreateQueueCommand, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { FastifyInstance } from 'fastify';
import { pino } from 'pino';
import type { Browser, Page } from 'playwright-core';
import type { Outcome } from '../../contract/event.ts';
import { type Job, parseJob } from '../../contract/job.ts';
import { openResults, type Results } from '../../lambda/classify/results.ts';
import { migrate } from '../../lambda/migrate/migrate.ts';
import { readMigrations } from '../../lambda/migrate/migrations.ts';
import { cacheAside } from '../../runtime/cache-aside.ts';
import { readClientFiles } from '../../runtime/client-files.ts';
import { S3Clients } from '../../runtime/clients.ts';
import { type Database, openDatabase } from '../../runtime/database.ts';
import { buildApp } from '../../web/app.ts';
import { EventStreams } from '../../web/event-streams.ts';
import { openImages } from '../../web/images.ts';
import { openJobs } from '../../web/jobs.ts';
import { openMedia } from '../../web/media.ts';
import { Readiness } from '../../web/readiness.ts';
import { type AwsServices, setVariables, startAws } from '../support/aws.ts';
import { browserProgram, startBrowser } from '../support/browser.ts';
import { type MadeBundles, makeBundles } from '../support/bundles.ts';
import { databaseName, type PostgresServer, startPostgres } from '../support/postgres.ts';

const region = 'eu-west-1';
const bucket = `meridian-test-media-111111111111-${region}-an`;
const samples = resolve(import.meta.dirname, '../../samples/pictures');

if (!browserProgram) console.warn('Chromium is not installed: tests of the page are skipped');

(browserProgram ? describe : describe.skip)('the page', () => {
  let bundles: MadeBundles;
  let postgres: PostgresServer;
  let aws: AwsServices;
  let restore: () => void;
  let database: Database;
  let results: Results;
  let streams: EventStreams;
  let app: FastifyInstance;
  let front: Server;
  let site: string;
  let sqs: SQSClient;
  let queueUrl: string;
  let browser: Browser;
  let page: Page;
  /** Paths that the assets bucket fails to give. */
  let missing: string[] = [];
  const closing: (() => unknown)[] = [];

  beforeAll(async () => {
    bundles = makeBundles('rekognition');
    [[postgres], aws, browser] = await Promise.all([startPostgres(), startAws(region), startBrowser()]);
    await migrate(
      await postgres.connect(),
      await readMigrations(resolve(import.meta.dirname, '../../db/migrations')),
    );

    // One origin for everything, as the CDN is: the service, the pictures, and here the bucket for uploads too.
    front = createServer((incoming, outgoing) => {
      const path = incoming.url!;
      if (missing.some((part) => path.startsWith(part))) return void outgoing.writeHead(503).end();
      const toBucket = path.startsWith('/media/') || path.startsWith(`/${bucket}/`);
      const target = toBucket ? aws.url : String(app.listeningOrigin);
      const url = new URL(path.startsWith('/media/') ? `/${bucket}${path}` : path, target);
      const outer = ask(
        url,
        { method: incoming.method!, headers: { ...incoming.headers, host: url.host } },
        (answer) => {
          outgoing.writeHead(answer.statusCode!, answer.headers);
          answer.pipe(outgoing);
        },
      );
      outer.on('error', () => outgoing.destroy());
      outgoing.on('close', () => outer.destroy());
      incoming.pipe(outer);
    }).listen(0, '127.0.0.1');
    await once(front, 'listening');
    // localhost is a secure context without TLS.
    site = `http://localhost:${(front.address() as { port: number }).port}`;
    restore = setVariables({ ...aws.variables, DATABASE_TLS: 'off' });
    const s3 = new S3Client({});
    await s3.send(new CreateBucketCommand({ Bucket: bucket }));
    sqs = new SQSClient({ useQueueUrlAsEndpoint: false });
    queueUrl = (await sqs.send(new CreateQueueCommand({ QueueName: 'jobs' }))).QueueUrl!;

    const { endpoint } = postgres;
    const log = pino({ enabled: false });
    database = openDatabase(
      { DATABASE_HOST: endpoint, DATABASE_READER_HOST: endpoint, DATABASE_NAME: databaseName },
      log,
    );
    results = openResults(database);
    streams = new EventStreams();
    const jobs = openJobs(queueUrl);
    const buckets = new S3Clients();
    const presigner = new S3Client({
      endpoint: site.replace('localhost', '127.0.0.1'),
      requestChecksumCalculation: 'WHEN_REQUIRED',
    });
    const media = openMedia({ in: () => presigner } as never, bucket, region, [region]);
    app = buildApp({
      region,
      regions: [region],
      task: 'task-1',
      media: {
        ...media,
        // The upload goes to the page's own origin: CORS is the bucket's business and tested with it.
        presign: async (claim) => {
          const upload = await media.presign(claim);
          return { ...upload, url: upload.url.replace('127.0.0.1', 'localhost') };
        },
      },
      jobs,
      images: openImages(
        database,
        cacheAside({ get: async () => undefined, set: async () => {} } as never, 1000),
      ),
      readiness: new Readiness(database),
      streams,
      client: await readClientFiles(join(bundles.web, 'client')),
      log,
    });
    await app.listen({ host: '127.0.0.1', port: 0 });
    closing.push(
      () => jobs.close(),
      () => buckets.close(),
      () => s3.destroy(),
      () => presigner.destroy(),
    );
    page = await browser.newPage();
    page.setDefaultTimeout(15_000);
  }, 90_000);

  afterAll(async () => {
    await browser?.close();
    front?.close().closeAllConnections();
    await app?.close();
    for (const close of closing) close();
    sqs?.destroy();
    await database?.close();
    restore?.();
    await Promise.all([postgres?.stop(), aws?.stop()]);
    bundles?.remove();
  });

  /** Takes the next job off the queue. */
  async function nextJob(): Promise<Job> {
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({ QueueUrl: queueUrl, WaitTimeSeconds: 15 }),
    );
    return parseJob(Messages[0]!.Body!);
  }

  async function finish(job: Job, outcome: Outcome): Promise<void> {
    await results.keep(job, 'model/1', outcome, new Date());
    streams.broadcast(
      JSON.stringify({
        version: 1,
        imageId: job.imageId,
        owner: job.owner,
        region,
        modelVersion: 'model/1',
        at: new Date().toISOString(),
        ...outcome,
      }),
    );
  }

  const card = (id: string) => page.locator(`li[data-id="${id}"]`);
  const choose = (...names: string[]) =>
    page.setInputFiles(
      '#files',
      names.map((name) => join(samples, name)),
    );

  test('takes a photograph, says that it is accepted, and shows the labels without a reload', async () => {
    await page.goto(site);
    await page.getByText(`Served by ${region}, task task-1`).waitFor();
    await page.evaluate('window.untouched = true');
    await choose('chelsea.png');
    const job = await nextJob();
    await card(job.imageId).getByText('Accepted.').waitFor();
    // Drawn anew in the browser: nothing that the camera wrote beside the picture is left.
    expect(job.contentType).toBe('image/jpeg');

    await finish(job, { status: 'classified', labels: [{ name: 'cat', score: 93.1 }] });
    await card(job.imageId).getByText('cat 93 %').waitFor();
    expect(await card(job.imageId).getByRole('img').getAttribute('alt')).toBe('A picture with cat');
    expect(await page.evaluate('window.untouched')).toBe(true);
  }, 60_000);

  test('takes several at once, and shows the reason of one that could not be read', async () => {
    await choose('coffee.png', 'camera.png');
    const jobs = [await nextJob(), await nextJob()];
    await finish(jobs[0]!, { status: 'rejected', reason: 'The picture is damaged.' });
    await finish(jobs[1]!, { status: 'classified', labels: [] });
    await card(jobs[0]!.imageId).getByText('The picture is damaged.').waitFor();
    await card(jobs[1]!.imageId).getByText('Nothing recognised.').waitFor();
  }, 60_000);

  test('shows what others uploaded, as it happens and after a visit', async () => {
    const ids = () =>
      page.locator('#pictures li').evaluateAll((items) => items.map((item) => item.getAttribute('data-id')));
    const before = await ids();
    expect(before).toHaveLength(3);
    const imageId = '01ffffff-eb27-759a-b292-cb4b79d094af';
    const other: Job = {
      version: 1,
      imageId,
      owner: 'other',
      bucket,
      key: `media/${region}/${imageId}`,
      contentType: 'image/png',
      size: 1,
      submittedAt: new Date().toISOString(),
    };
    await finish(other, { status: 'classified', labels: [{ name: 'boat', score: 51 }] });
    await card(imageId).getByText('boat 51 %').waitFor();
    await page.reload();
    await card(imageId).getByText('boat 51 %').waitFor();
    expect((await ids()).toSorted()).toEqual([imageId, ...before].toSorted());
    expect((await ids())[0]).toBe(imageId);
    // Pictures come from the bucket, through the page's own host.
    const shown = card(before[0]!).locator('img');
    await expect(
      shown.evaluate((image) => (image as unknown as { decode(): Promise<void> }).decode()),
    ).resolves.toBeUndefined();
  }, 60_000);

  test('asks by itself where events do not come through', async () => {
    missing = ['/api/events'];
    try {
      await page.reload();
      await choose('coffee.png');
      const job = await nextJob();
      await results.keep(
        job,
        'model/1',
        { status: 'classified', labels: [{ name: 'cup', score: 96 }] },
        new Date(),
      );
      await card(job.imageId).getByText('cup 96 %').waitFor();
    } finally {
      missing = [];
    }
  }, 60_000);

  test('works from the container when the assets bucket gives nothing', async () => {
    missing = ['/assets/'];
    try {
      await page.reload();
      await page.getByText('cup 96 %').first().waitFor();
      const border = await page
        .locator('#drop')
        .evaluate((form) => getComputedStyle(form as never).borderStyle);
      expect(border).toBe('dashed');
    } finally {
      missing = [];
    }
  }, 60_000);

  test('says so when the service does not answer', async () => {
    await page.reload();
    await page.getByText('cup 96 %').first().waitFor();
    missing = ['/api/'];
    try {
      await page.setInputFiles('#files', {
        name: 'note.png',
        mimeType: 'image/png',
        buffer: Buffer.from('not a picture'),
      });
      await page.locator('li[data-status="failed"]').getByText('The service answered 503.').waitFor();
    } finally {
      missing = [];
    }
  }, 60_000);
});
declare function getComputedStyle(element: never): { readonly borderStyle: string };
