/** Messages as they are recorded in queues: what is written today must be read by the version before and after. */

import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { eventVersion, parseImageEvent } from '../../contract/event.ts';
import { jobVersion, parseJob } from '../../contract/job.ts';

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

  test('of the next version, with a field that nobody knows yet, is read', () => {
    const next = { ...job, version: jobVersion + 1, caption: 'a cat' };
    expect(parseJob(JSON.stringify(next))).toMatchObject({ ...job, version: jobVersion + 1 });
  });

  test.each([
    ['no JSON', 'not json', /not valid JSON/],
    [
      'a version two ahead',
      JSON.stringify({ ...job, version: jobVersion + 2 }),
      /not a job message: \/version/,
    ],
    ['an id that is none', JSON.stringify({ ...job, imageId: '../../x' }), /not a job message: \/imageId/],
    ['a missing key', JSON.stringify({ ...job, key: undefined }), /not a job message: \/ .*key/],
    ['a size that is no number', JSON.stringify({ ...job, size: '1' }), /not a job message: \/size/],
    ['nothing', 'null', /not a job message: \//],
  ])('with %s is refused', (_case, body, message) => {
    expect(() => parseJob(body)).toThrow(message);
  });
});

describe('an event', () => {
  test('of the next version, with a field that nobody knows yet, is read', () => {
    const next = {
      ...event,
      version: eventVersion + 1,
      status: 'rejected',
      reason: 'cut off',
      language: 'en',
    };
    expect(parseImageEvent(JSON.stringify(next))).toMatchObject({
      imageId: event.imageId,
      reason: 'cut off',
    });
    const later = { ...next, version: eventVersion + 2 };
    expect(() => parseImageEvent(JSON.stringify(later))).toThrow(/not an image event: .*version/);
  });

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

describe('recorded messages', () => {
  const folder = resolve(import.meta.dirname, '../../contract/recorded');
  const kinds = [
    { kind: 'job', parse: parseJob, version: jobVersion },
    { kind: 'event', parse: parseImageEvent, version: eventVersion },
  ];
  const recorded = (kind: string, version: number): unknown[] =>
    JSON.parse(readFileSync(join(folder, `${kind}-${version}.json`), 'utf8'));

  test.each(kinds)(
    'of the current version and the one before are read: $kind',
    ({ kind, parse, version }) => {
      const versions = version === 1 ? [1] : [version - 1, version];
      for (const message of versions.flatMap((number) => recorded(kind, number))) {
        expect(parse(JSON.stringify(message))).toEqual(message);
      }
    },
  );

  test('are kept for every version there was', () => {
    const expected = kinds.flatMap(({ kind, version }) =>
      Array.from({ length: version }, (_, i) => `${kind}-${i + 1}.json`),
    );
    expect(readdirSync(folder).sort()).toEqual(expected.sort());
  });
});
