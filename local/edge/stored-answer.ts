/** What a viewer gets of a kept answer: all of it, the part they asked for, or that they have it already (RFC 9110). */

import type { HeaderMap } from '../proxy.ts';
import type { Stored } from './cache.ts';
import type { ViewerRequest } from './viewer-function.ts';

export interface StoredAnswer {
  readonly status: number;
  readonly headers: HeaderMap;
  readonly body: Buffer;
}

const empty = Buffer.alloc(0);

export function answerFrom(stored: Stored, asked: ViewerRequest): StoredAnswer {
  const { status, headers, body } = stored;
  if (status !== 200) return { status, headers, body };
  if (isKnown(headers, asked.headers)) {
    const { 'content-length': _, ...rest } = headers;
    return { status: 304, headers: rest, body: empty };
  }
  const range = String(asked.headers['range'] ?? '');
  // A part of what was compressed here is no part of what the origin has.
  if (!range || asked.headers['if-range'] !== undefined || headers['content-encoding'] !== undefined) {
    return { status, headers, body };
  }
  return partOf(stored, range);
}

/** If-None-Match counts alone where it is given, and compares weakly (section 13.1.2). */
function isKnown(headers: HeaderMap, asked: HeaderMap): boolean {
  const weak = (tag: string) => tag.trim().replace(/^W\//, '');
  if (asked['if-none-match'] !== undefined) {
    const tags = [asked['if-none-match']].flat().join(',').split(',').map(weak);
    const own = headers['etag'];
    return tags.includes('*') || (typeof own === 'string' && tags.includes(weak(own)));
  }
  const since = Date.parse(String(asked['if-modified-since'] ?? ''));
  const modified = Date.parse(String(headers['last-modified'] ?? ''));
  return modified <= since;
}

/** One range of bytes; whatever else is asked for gets the whole (section 14.2 lets a server ignore it). */
function partOf({ status, headers, body }: Stored, range: string): StoredAnswer {
  const [, first = '', last = ''] = /^bytes=(\d*)-(\d*)$/.exec(range) ?? [];
  if (first === '' && last === '') return { status, headers, body };
  const start = first === '' ? Math.max(0, body.length - Number(last)) : Number(first);
  const end = first === '' || last === '' ? body.length : Math.min(body.length, Number(last) + 1);
  if (start >= body.length || start >= end) {
    const nothing = { 'content-range': `bytes */${body.length}`, 'content-length': '0' };
    return { status: 416, headers: nothing, body: empty };
  }
  const part = body.subarray(start, end);
  return {
    status: 206,
    headers: {
      ...headers,
      'content-range': `bytes ${start}-${end - 1}/${body.length}`,
      'content-length': String(part.length),
    },
    body: part,
  };
}
