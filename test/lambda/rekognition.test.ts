/** What is asked of Rekognition and made of its answers, with a server in its place. */

import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { json } from 'node:stream/consumers';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { type Classifier, type Picture, Rejected } from '../../lambda/classify/classifier.ts';
import { rekognition } from '../../lambda/classify/rekognition.ts';
import { setVariables } from '../support/aws.ts';

const own = 'eu-west-1';
const ownBucket = 'media-eu-west-1';
const picture = (size: number, region = own): Picture => ({
  bytes: new Uint8Array(size),
  region,
  bucket: `media-${region}`,
  key: `media/${region}/x`,
});

let server: Server;
let restore: () => void;
let asked: Record<string, unknown>[];
let answer: { status: number; body: object };
let engine: Classifier;

beforeAll(async () => {
  server = createServer(async (request, response) => {
    asked.push((await json(request)) as Record<string, unknown>);
    response
      .writeHead(answer.status, { 'content-type': 'application/x-amz-json-1.1' })
      .end(JSON.stringify(answer.body));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  restore = setVariables({
    AWS_ACCESS_KEY_ID: 'a',
    AWS_SECRET_ACCESS_KEY: 'b',
    AWS_ENDPOINT_URL_REKOGNITION: `http://127.0.0.1:${port}`,
  });
  engine = rekognition(own, ownBucket);
});
afterAll(() => {
  restore();
  server.close().closeAllConnections();
});
beforeEach(() => {
  asked = [];
  answer = { status: 200, body: { Labels: [] } };
});

test('labels come in lower case and with one decimal', async () => {
  answer.body = {
    Labels: [
      { Name: 'Cat', Confidence: 98.7654 },
      { Name: 'Coffee Cup', Confidence: 50 },
      { Confidence: 99 },
    ],
  };
  expect(await engine.classify(picture(10))).toEqual([
    { name: 'cat', score: 98.8 },
    { name: 'coffee cup', score: 50 },
  ]);
  expect(asked).toEqual([expect.objectContaining({ MaxLabels: 20, MinConfidence: 50 })]);
});

describe('a picture', () => {
  test('that fits goes with the request', async () => {
    await engine.classify(picture(3));
    expect(asked[0]!['Image']).toEqual({ Bytes: 'AAAA' });
  });

  test.each([own, 'us-east-1'])(
    'too large for that is read from the bucket of this region, uploaded in %s',
    async (region) => {
      await engine.classify(picture(5 * 1024 * 1024 + 1, region));
      expect(asked[0]!['Image']).toEqual({ S3Object: { Bucket: ownBucket, Name: `media/${region}/x` } });
    },
  );
});

describe('a refusal', () => {
  test.each(['InvalidImageFormatException', 'ImageTooLargeException'])(
    'for the picture, as %s, is a result',
    async (name) => {
      answer = { status: 400, body: { __type: name, message: 'no' } };
      await expect(engine.classify(picture(10))).rejects.toThrow(Rejected);
      expect(asked).toHaveLength(1);
    },
  );

  test('for anything else is to be tried again', async () => {
    answer = { status: 400, body: { __type: 'InvalidS3ObjectException', message: 'not there yet' } };
    await expect(engine.classify(picture(10))).rejects.not.toThrow(Rejected);
    answer = { status: 400, body: { __type: 'ThrottlingException', message: 'slow down' } };
    asked = [];
    await expect(engine.classify(picture(10))).rejects.not.toThrow(Rejected);
    expect(asked).toHaveLength(4);
  }, 20_000);
});
