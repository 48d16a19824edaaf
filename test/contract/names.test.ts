/** Addresses, keys and variables: what both sides read out of text. */

import { readdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { parseEndpoint } from '../../contract/endpoint.ts';
import { mediaBucketOf, mediaKey, parseMediaKey } from '../../contract/media.ts';
import { schemaVersion } from '../../contract/schema.ts';
import { readVariables, type WebVariables } from '../../contract/variables.ts';

describe('an endpoint', () => {
  test.each([
    ['db.example.com', { host: 'db.example.com', port: 5432 }],
    ['127.0.0.1:40123', { host: '127.0.0.1', port: 40123 }],
  ])('%s', (text, endpoint) => {
    expect(parseEndpoint(text, 5432)).toEqual(endpoint);
  });

  test.each(['', ':5432', 'db:0', 'db:65536', 'db:x', 'http://db', 'db:1:2'])('is not %j', (text) => {
    expect(() => parseEndpoint(text, 5432)).toThrow(`got endpoint '${text}', expected host or host:port`);
  });
});

describe('a media key', () => {
  const id = '01a20cb5-8f76-759a-b292-cb4b79d094af';

  test('gives its region and image back', () => {
    expect(parseMediaKey(mediaKey('ap-southeast-1', id))).toEqual({ region: 'ap-southeast-1', imageId: id });
  });

  test.each(['', id, `media/${id}`, `drain/eu-west-1`, `media/eu-west-1/${id}/x`, `/media/eu-west-1/${id}`])(
    'is not %j',
    (key) => {
      expect(parseMediaKey(key)).toBeUndefined();
    },
  );

  test('lies in a bucket whose name differs in the region alone', () => {
    const own = 'meridian-local-media-111111111111-us-east-1-an';
    expect(mediaBucketOf('eu-west-1', own, 'us-east-1')).toBe(
      'meridian-local-media-111111111111-eu-west-1-an',
    );
  });
});

describe('variables', () => {
  test('all that are missing are named at once', () => {
    expect(() =>
      readVariables<WebVariables>(['PORT', 'REGIONS', 'CACHE_HOST'], { PORT: '1', REGIONS: '' }),
    ).toThrow('missing environment variables: REGIONS, CACHE_HOST');
  });

  test('only those asked for are read', () => {
    expect(readVariables<WebVariables>(['PORT'], { PORT: '1', SECRET: 'x' })).toEqual({ PORT: '1' });
  });
});

test('the schema version is that of the last migration', () => {
  const files = readdirSync(resolve(import.meta.dirname, '../../db/migrations'));
  expect(Math.max(...files.map((file) => Number(file.slice(0, 4))))).toBe(schemaVersion);
});
