/** S3 of two regions, as a browser and the SDK see it. */

import { createHash } from 'node:crypto';
import { request } from 'node:http';
import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { localCredentials } from '../../contract/local.ts';
import { bucket } from '../../local/resources/bucket.ts';
import { bucketReplication } from '../../local/resources/bucket-replication.ts';
import { distribution } from '../../local/resources/distribution.ts';
import { localVariables } from '../../local/variables.ts';
import { type SmallRun, type SmallStack, smallRun } from '../support/small-run.ts';

const [home, away] = ['us-east-1', 'eu-west-1'] as const;
const nameIn = (region: string) => `media-111111111111-${region}-an`;
const arnIn = (region: string) => `arn:aws:s3:::${nameIn(region)}`;

const data = (region: string): SmallStack => ({
  region,
  resources: {
    Media: {
      Type: 'AWS::S3::Bucket',
      Properties: {
        BucketName: nameIn(region),
        CorsConfiguration: {
          CorsRules: [
            {
              AllowedOrigins: ['https://www.example.com'],
              AllowedMethods: ['PUT'],
              AllowedHeaders: ['content-type', 'x-amz-*'],
              ExposedHeaders: ['ETag'],
              MaxAge: 300,
            },
          ],
        },
      },
    },
  },
});

const stacks: Record<string, SmallStack> = {
  [`${home}-data`]: data(home),
  [`${away}-data`]: data(away),
  [`${home}-mesh`]: {
    region: home,
    dependencies: [`${home}-data`, `${away}-data`],
    resources: {
      Rules: {
        Type: 'Custom::BucketReplication',
        Properties: {
          Create: JSON.stringify({
            service: 'S3',
            action: 'putBucketReplication',
            parameters: {
              Bucket: nameIn(home),
              ReplicationConfiguration: {
                Rules: [
                  {
                    Status: 'Enabled',
                    Filter: { Prefix: `media/${home}/` },
                    DeleteMarkerReplication: { Status: 'Enabled' },
                    Destination: { Bucket: arnIn(away) },
                  },
                ],
              },
            },
          }),
        },
      },
    },
  },
  edge: {
    region: home,
    resources: {
      Distribution: {
        Type: 'AWS::CloudFront::Distribution',
        Properties: { DistributionConfig: { Aliases: ['www.example.com'] } },
      },
    },
  },
};

/** Only its names matter here. */
const named = { ...distribution, run: () => ({ start: async () => {}, stop: async () => {} }) };

let run: SmallRun;
const clients = new Map<string, S3Client>();

beforeAll(async () => {
  run = await smallRun(stacks, { modules: [bucket, bucketReplication, named] });
  await run.run.start();
}, 40_000);

afterAll(async () => {
  for (const client of clients.values()) client.destroy();
  await run?.close();
}, 20_000);

const endpoint = (region: string) => localVariables(run, region).AWS_ENDPOINT_URL_S3;

/** The web service's client: that of a region, at a region's endpoint. */
function s3(region: string, at = region): S3Client {
  const client =
    clients.get(`${region} ${at}`) ??
    new S3Client({
      region,
      endpoint: endpoint(at),
      credentials: localCredentials,
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
      maxAttempts: 1,
    });
  clients.set(`${region} ${at}`, client);
  return client;
}

const sha256 = (body: Buffer) => createHash('sha256').update(body).digest('base64');

interface Upload {
  readonly key: string;
  readonly body: Buffer;
  readonly checksum?: string;
  readonly expiresIn?: number;
  readonly signingDate?: Date;
  readonly region?: string;
  readonly credentials?: { accessKeyId: string; secretAccessKey: string };
}

/** A presigned upload as the web service makes it. */
async function presign({ key, body, checksum = sha256(body), region = home, credentials, ...when }: Upload) {
  const headers = {
    'content-type': 'image/png',
    'x-amz-checksum-sha256': checksum,
    'x-amz-meta-owner': 'somebody',
  };
  const client = credentials
    ? new S3Client({
        region,
        endpoint: endpoint(region),
        credentials,
        requestChecksumCalculation: 'WHEN_REQUIRED',
      })
    : s3(region);
  const url = await getSignedUrl(
    client,
    new PutObjectCommand({
      Bucket: nameIn(region),
      Key: key,
      ContentType: 'image/png',
      ContentLength: body.length,
      ChecksumSHA256: checksum,
      Metadata: { owner: 'somebody' },
    }),
    {
      expiresIn: 300,
      ...when,
      signableHeaders: new Set(['host', 'content-length', ...Object.keys(headers)]),
      unhoistableHeaders: new Set(Object.keys(headers)),
    },
  );
  return { url, headers };
}

async function put(url: string, headers: Record<string, string>, body: Buffer) {
  const response = await fetch(url, { method: 'PUT', headers, body });
  const text = await response.text();
  return { status: response.status, code: /<Code>(\w+)/.exec(text)?.[1], text, headers: response.headers };
}

const picture = Buffer.from('not really a picture');

describe('a presigned upload', () => {
  test('is taken when everything is as signed, and HeadObject tells what was signed', async () => {
    const key = 'media/us-east-1/one picture (1).png';
    const { url, headers } = await presign({ key, body: picture });
    expect(await put(url, headers, picture)).toMatchObject({ status: 200 });
    const head = await s3(home).send(
      new HeadObjectCommand({ Bucket: nameIn(home), Key: key, ChecksumMode: 'ENABLED' }),
    );
    expect(head).toMatchObject({
      ContentLength: picture.length,
      ContentType: 'image/png',
      ChecksumSHA256: sha256(picture),
      Metadata: { owner: 'somebody' },
    });
  });

  const other = Buffer.from('something else here.');
  const refusals: [
    string,
    Partial<Upload>,
    (headers: Record<string, string>) => Record<string, string>,
    Buffer,
    number,
    string,
  ][] = [
    [
      'another size',
      {},
      (headers) => headers,
      Buffer.concat([picture, picture]),
      403,
      'SignatureDoesNotMatch',
    ],
    [
      'another type',
      {},
      (headers) => ({ ...headers, 'content-type': 'text/html' }),
      picture,
      403,
      'SignatureDoesNotMatch',
    ],
    [
      'another owner',
      {},
      (headers) => ({ ...headers, 'x-amz-meta-owner': 'me' }),
      picture,
      403,
      'SignatureDoesNotMatch',
    ],
    [
      'no checksum',
      {},
      ({ 'x-amz-checksum-sha256': _, ...headers }) => headers,
      picture,
      403,
      'SignatureDoesNotMatch',
    ],
    ['another body of that size', {}, (headers) => headers, other, 400, 'BadDigest'],
    [
      'metadata that was not signed',
      {},
      (headers) => ({ ...headers, 'x-amz-meta-more': 'x' }),
      picture,
      403,
      'AccessDenied',
    ],
    [
      'a signature that is too old',
      { signingDate: new Date(Date.now() - 301_000) },
      (headers) => headers,
      picture,
      403,
      'AccessDenied',
    ],
    [
      'a signature of tomorrow',
      { signingDate: new Date(Date.now() + 86_400_000) },
      (headers) => headers,
      picture,
      403,
      'AccessDenied',
    ],
    [
      "a stranger's key",
      { credentials: { accessKeyId: 'AKIDSTRANGER', secretAccessKey: 'x' } },
      (headers) => headers,
      picture,
      403,
      'InvalidAccessKeyId',
    ],
    [
      'a wrong secret',
      { credentials: { ...localCredentials, secretAccessKey: 'x' } },
      (headers) => headers,
      picture,
      403,
      'SignatureDoesNotMatch',
    ],
  ];

  test.each(refusals)('is refused with %s', async (_, upload, change, body, status, code) => {
    const key = `media/us-east-1/refused-${code}`;
    const { url, headers } = await presign({ key, body: picture, ...upload });
    expect(await put(url, change(headers), body)).toMatchObject({ status, code });
    await expect(s3(home).send(new HeadObjectCommand({ Bucket: nameIn(home), Key: key }))).rejects.toThrow();
  });

  test('is refused under another key, and by another region', async () => {
    const { url, headers } = await presign({ key: 'media/us-east-1/mine', body: picture });
    expect(await put(url.replace('/mine', '/yours'), headers, picture)).toMatchObject({
      code: 'SignatureDoesNotMatch',
    });
    const elsewhere = url.replace(nameIn(home), nameIn(away));
    expect(await put(elsewhere, headers, picture)).toMatchObject({
      code: 'AuthorizationQueryParametersError',
    });
  });

  test('is refused when the SDK signs the checksum of an empty body', async () => {
    const client = new S3Client({ region: home, endpoint: endpoint(home), credentials: localCredentials });
    const url = await getSignedUrl(
      client,
      new PutObjectCommand({ Bucket: nameIn(home), Key: 'empty-checksum' }),
    );
    client.destroy();
    expect(url).toContain('x-amz-checksum-crc32');
    expect(await put(url, {}, picture)).toMatchObject({ status: 400, code: 'BadDigest' });
  });

  test('leaves nothing when the client goes away in the middle', async () => {
    const key = 'media/us-east-1/cut';
    const { url, headers } = await presign({ key, body: picture });
    const outgoing = request(url, {
      method: 'PUT',
      headers: { ...headers, 'content-length': picture.length },
    });
    const closed = new Promise((resolve) => outgoing.once('close', resolve));
    outgoing.on('error', () => {});
    outgoing.write(picture.subarray(0, 5), () => outgoing.destroy());
    await closed;
    await expect(s3(home).send(new HeadObjectCommand({ Bucket: nameIn(home), Key: key }))).rejects.toThrow();
  });
});

describe('cross-origin rules', () => {
  const preflight = (origin: string, method = 'PUT', headers = 'content-type,x-amz-checksum-sha256') =>
    fetch(`${endpoint(home)}/${nameIn(home)}/media/x`, {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': method, 'access-control-request-headers': headers },
    });

  test('let the site in, by its own name and as the port that plays it', async () => {
    const here = `http://localhost:${run.book.list('edge/https').port}`;
    for (const origin of ['https://www.example.com', here]) {
      const answer = await preflight(origin);
      expect(answer.status).toBe(200);
      expect(answer.headers.get('access-control-allow-origin')).toBe(origin);
      expect(answer.headers.get('access-control-allow-headers')).toBe('content-type, x-amz-checksum-sha256');
    }
    const { url, headers } = await presign({ key: 'media/us-east-1/cors', body: picture });
    const done = await put(url, { ...headers, origin: here }, picture);
    expect(done.headers.get('access-control-allow-origin')).toBe(here);
    expect(done.headers.get('access-control-expose-headers')).toBe('ETag');
  });

  test('keep everybody else out', async () => {
    expect((await preflight('https://evil.example')).status).toBe(403);
    expect((await preflight('http://localhost:1')).status).toBe(403);
    expect((await preflight('https://www.example.com', 'DELETE')).status).toBe(403);
    expect((await preflight('https://www.example.com', 'PUT', 'authorization')).status).toBe(403);
  });
});

/** As CloudFront asks a bucket: by its regional name, unsigned. */
function asEdge(region: string, key: string, headers: Record<string, string> = {}, method = 'GET') {
  const { port } = new URL(endpoint(region));
  return new Promise<{ status: number; body: string; type: string | undefined }>((resolve, reject) => {
    const host = `${nameIn(region)}.s3.${region}.amazonaws.com`;
    const outgoing = request(
      { host: '127.0.0.1', port, path: `/${key}`, method, headers: { host, ...headers } },
      (answer) => {
        const chunks: Buffer[] = [];
        answer.on('data', (chunk: Buffer) => chunks.push(chunk));
        answer.on('end', () =>
          resolve({
            status: answer.statusCode!,
            body: Buffer.concat(chunks).toString(),
            type: answer.headers['content-type'],
          }),
        );
      },
    );
    outgoing.once('error', reject);
    outgoing.end();
  });
}

describe('a bucket', () => {
  test('is read without a signature by its regional name, and written by nobody', async () => {
    await s3(home).send(
      new PutObjectCommand({
        Bucket: nameIn(home),
        Key: 'assets/app.js',
        Body: 'let it = 1',
        ContentType: 'text/javascript',
      }),
    );
    expect(await asEdge(home, 'assets/app.js')).toEqual({
      status: 200,
      body: 'let it = 1',
      type: 'text/javascript',
    });
    expect(await asEdge(home, 'assets/none.js')).toMatchObject({
      status: 403,
      body: expect.stringContaining('AccessDenied'),
    });
    expect(await asEdge(home, 'assets/app.js', {}, 'DELETE')).toMatchObject({ status: 403 });
    expect(await asEdge(home, '')).toMatchObject({ status: 403 });
    expect((await asEdge(home, 'assets/app.js', { range: 'bytes=0-2', cookie: 'session=1' })).body).toBe(
      'let',
    );
  });

  test('of another region is reached through this one', async () => {
    await s3(away).send(new PutObjectCommand({ Bucket: nameIn(away), Key: 'there', Body: 'there' }));
    const found = await s3(away, home).send(new GetObjectCommand({ Bucket: nameIn(away), Key: 'there' }));
    expect(await found.Body!.transformToString()).toBe('there');
    await expect(
      s3(home).send(new GetObjectCommand({ Bucket: nameIn(away), Key: 'there' })),
    ).rejects.toMatchObject({ name: 'AuthorizationHeaderMalformed' });
  });

  test('that does not exist is so', async () => {
    await expect(s3(home).send(new ListObjectsV2Command({ Bucket: 'nobody' }))).rejects.toMatchObject({
      name: 'NoSuchBucket',
    });
  });

  test('refuses what is too large before it is read', async () => {
    const { port } = new URL(endpoint(home));
    const path = `/${nameIn(home)}/large`;
    const status = await new Promise<number>((resolve, reject) => {
      const headers = { 'content-length': 20 * 1024 * 1024, authorization: 'AWS4-HMAC-SHA256 Credential=x' };
      const outgoing = request({ host: '127.0.0.1', port, path, method: 'PUT', headers }, (answer) => {
        answer.resume();
        outgoing.destroy();
        resolve(answer.statusCode!);
      });
      outgoing.once('error', reject);
      outgoing.flushHeaders();
    });
    expect(status).toBe(400);
  });
});

describe('replication', () => {
  const replicated = (key: string) =>
    run.event(({ event, detail }) => event === 'replicated' && detail?.['key'] === key);

  test('copies what the rule names, with its metadata, and what is deleted', async () => {
    const key = `media/${home}/copied`;
    const { url, headers } = await presign({ key, body: picture });
    await put(url, headers, picture);
    await replicated(key);
    const copy = await s3(away).send(
      new HeadObjectCommand({ Bucket: nameIn(away), Key: key, ChecksumMode: 'ENABLED' }),
    );
    expect(copy).toMatchObject({
      ContentType: 'image/png',
      ChecksumSHA256: sha256(picture),
      Metadata: { owner: 'somebody' },
    });

    const { lastEvent } = run.run.report({} as never);
    await s3(home).send(new DeleteObjectCommand({ Bucket: nameIn(home), Key: key }));
    await run.event(({ event, detail }) => event === 'replicated' && detail?.['key'] === key, lastEvent);
    await expect(s3(away).send(new HeadObjectCommand({ Bucket: nameIn(away), Key: key }))).rejects.toThrow();
  });

  test('leaves alone what the rule does not name', async () => {
    const put = (key: string) =>
      s3(home).send(new PutObjectCommand({ Bucket: nameIn(home), Key: key, Body: 'x' }));
    await put('drain/eu-west-1');
    await put(`media/${home}/after`);
    await replicated(`media/${home}/after`);
    await expect(
      s3(away).send(new HeadObjectCommand({ Bucket: nameIn(away), Key: 'drain/eu-west-1' })),
    ).rejects.toThrow();
  });

  test('of what was acknowledged survives the loss of both regions', async () => {
    await run.run.stopRegion(away);
    const key = `media/${home}/acknowledged`;
    await s3(home).send(new PutObjectCommand({ Bucket: nameIn(home), Key: key, Body: 'x' }));
    const closed = fetch(`${endpoint(away)}/`).catch(() => 'refused');
    expect(await closed).toBe('refused');
    await expect(
      s3(away, home).send(new HeadObjectCommand({ Bucket: nameIn(away), Key: key })),
    ).rejects.toMatchObject({ $metadata: { httpStatusCode: 503 } });
    await run.run.stopRegion(home);
    await run.run.startRegion(home);
    await run.run.startRegion(away);
    await replicated(key);
    await s3(away).send(new HeadObjectCommand({ Bucket: nameIn(away), Key: key }));
  }, 60_000);
});

test('objects outlive the store, which answers 503 meanwhile', async () => {
  await s3(home).send(new PutObjectCommand({ Bucket: nameIn(home), Key: 'kept', Body: 'kept' }));
  const { lastEvent } = run.run.report({} as never);
  await run.run.stopUnit(home, 'Media', '0');
  expect((await asEdge(home, 'kept')).status).toBe(503);
  await run.event(({ region, event }) => region === home && event === 'accepting', lastEvent);
  expect((await asEdge(home, 'kept')).body).toBe('kept');
}, 30_000);
