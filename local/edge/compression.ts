/** Compression at the edge. After "Serve compressed files" (Amazon CloudFront developer guide). */

import type { Transform } from 'node:stream';
import { constants, createBrotliCompress, createGzip } from 'node:zlib';
import type { HeaderMap } from '../proxy.ts';

export type Encoding = 'br' | 'gzip';

/** Bytes, both included. */
const sizes = { least: 1_000, most: 10_000_000 } as const;

/** Types of the guide's list that a site like this has. An event stream is none of them. */
const types = new Set([
  'application/javascript',
  'application/json',
  'application/ld+json',
  'application/manifest+json',
  'application/problem+json',
  'application/wasm',
  'application/xml',
  'font/otf',
  'font/ttf',
  'image/svg+xml',
  'text/css',
  'text/csv',
  'text/html',
  'text/javascript',
  'text/plain',
  'text/xml',
]);

/** Encodings that a policy enables and a viewer takes, best first: what goes to the origin and into the key. */
export function encodingsFor(
  accept: string | string[] | undefined,
  enabled: readonly Encoding[],
): Encoding[] {
  const accepted = [accept ?? '']
    .flat()
    .join(',')
    .split(',')
    .map((part) => part.trim().split(/\s*;\s*/))
    .filter(([, q]) => !/^q=0(\.0*)?$/.test(q ?? ''))
    .map(([name]) => name);
  return enabled.filter((encoding) => accepted.includes(encoding));
}

/** The encoding that an answer is to get, or undefined for one that stays as it is. */
export function compressionFor(
  status: number,
  headers: HeaderMap,
  encodings: readonly Encoding[],
): Encoding | undefined {
  const length = Number(headers['content-length'] ?? Number.NaN);
  const type = String(headers['content-type'] ?? '')
    .split(';')[0]!
    .trim();
  const fits =
    [200, 403, 404].includes(status) &&
    headers['content-encoding'] === undefined &&
    !String(headers['cache-control'] ?? '').includes('no-transform') &&
    length >= sizes.least &&
    length <= sizes.most &&
    types.has(type.toLowerCase());
  return fits ? encodings[0] : undefined;
}

/** Headers of the compressed answer: another length, and a validator that no longer promises the same bytes. */
export function compressedHeaders(headers: HeaderMap, encoding: Encoding): HeaderMap {
  const { 'content-length': _, 'accept-ranges': __, ...rest } = headers;
  const etag = headers['etag'];
  const vary = [headers['vary'] ?? []].flat();
  return {
    ...rest,
    'content-encoding': encoding,
    vary: [...vary, 'Accept-Encoding'].join(', '),
    ...(typeof etag === 'string' && { etag: etag.startsWith('W/') ? etag : `W/${etag}` }),
  };
}

/** Quality 5 of 11 costs about what gzip costs. */
export const compressor = (encoding: Encoding): Transform =>
  encoding === 'br'
    ? createBrotliCompress({ params: { [constants.BROTLI_PARAM_QUALITY]: 5 } })
    : createGzip();
