/** Messages as they are recorded in queues: what is written today must be read by the version before and after. */

import { describe, expect, test } from '@jest/globals';
import { parseImageEvent } from '../../contract/event.ts';
import { parseJob } from '../../contract/job.ts';

const job = {
  version: 1,
  imageId: '01a20cb5-8f76-759a-b292-cb4b79d094af',
  owner: 'ebbcb8285deb46c3d6f24b9fe4ac8493',
  bucket: 'meridian-production-media-111111111111-eu-west-1-an',
  key: 'media/eu-west-1/01a20cb5-8f76-759a-b292-cb4b79d094af',
  contentType: 'image/png',
  size: 240512,
  submittedAt: '2026-11-24T08:39:15.062Z',
};

const event = {
  version: 1,
  imageId: job.imageId,
  owner: job.owner,
  region: 'eu-west-1',
  modelVersion: 'rekognition/1',
  at: '2026-11-24T08:39:16.062Z',
};

describe('a job', () => {
  test('is read as it was written', () => {
    expect(parseJob(JSON.stringify(job))).toEqual(job);
  });

  test('with a field of a later version is read', () => {
    expect(parseJob(JSON.stringify({ ...job, caption: 'a cat' }))).toMatchObject(job);
  });

  test.each([
    ['no JSON', 'not json', /not valid JSON/],
    ['another version', JSON.stringify({ ...job, version: 2 }), /not a job message: \/version/],
    ['an id that is none', JSON.stringify({ ...job, imageId: '../../x' }), /not a job message: \/imageId/],
    ['a missing key', JSON.stringify({ ...job, key: undefined }), /not a job message: \/ .*key/],
    ['a size that is no number', JSON.stringify({ ...job, size: '1' }), /not a job message: \/size/],
    ['nothing', 'null', /not a job message: \//],
  ])('with %s is refused', (_case, body, message) => {
    expect(() => parseJob(body)).toThrow(message);
  });
});

describe('an event', () => {
  test.each([
    { ...event, status: 'classified', labels: [{ name: 'cat', score: 93.1 }] },
    { ...event, status: 'classified', labels: [] },
    { ...event, status: 'rejected', reason: 'This is not a JPEG or PNG picture.' },
  ])('is read as it was written: $status', (written) => {
    expect(parseImageEvent(JSON.stringify(written))).toEqual(written);
  });

  test.each([
    ['no outcome', event],
    ['labels that are none', { ...event, status: 'classified', labels: ['cat'] }],
    ['an unknown outcome', { ...event, status: 'lost' }],
  ])('with %s is refused', (_case, written) => {
    expect(() => parseImageEvent(JSON.stringify(written))).toThrow(/not an image event/);
  });
});
