/** The module `k6/http`. */

import { parseDuration } from '../duration.ts';
import type { HttpAnswer, HttpRequest } from '../messages.ts';
import { only, vu } from './vu.ts';

interface Params {
  readonly headers?: Record<string, string>;
  readonly cookies?: Record<string, string | { value?: string; replace?: boolean }>;
  readonly tags?: Record<string, string>;
  readonly timeout?: string | number;
  readonly redirects?: number;
  readonly responseType?: 'text' | 'binary' | 'none';
  readonly responseCallback?: Expected | null;
}

/** What `expectedStatuses` gives. */
class Expected {
  readonly ranges: readonly (readonly [number, number])[];

  constructor(ranges: readonly (readonly [number, number])[]) {
    this.ranges = ranges;
  }
}

type Body = string | ArrayBuffer | null | undefined;

const paramNames = ['headers', 'cookies', 'tags', 'timeout', 'redirects', 'responseType', 'responseCallback'];

let expected = new Expected([[200, 399]]);

/** Status codes, or ranges of them, that do not count as failed. */
export function expectedStatuses(...statuses: (number | { min: number; max: number })[]): Expected {
  if (statuses.length === 0) throw new Error('expectedStatuses: got nothing, expected status codes');
  return new Expected(
    statuses.map((each) => (typeof each === 'number' ? [each, each] : [each.min, each.max])),
  );
}

/** For every later request of this VU. */
export function setResponseCallback(callback: Expected): void {
  if (!(callback instanceof Expected)) vu.refuse('a response callback that is not of expectedStatuses');
  expected = callback;
}

function prepare(method: string, url: unknown, body: Body, params: Params | null = {}): HttpRequest {
  if (typeof url !== 'string') vu.refuse(`an address that is no text (${typeof url})`);
  const given = params ?? {};
  const foreign = Object.keys(given).find((name) => !paramNames.includes(name));
  if (foreign) vu.refuse(`the request parameter '${foreign}'`);
  if (typeof body === 'object' && body !== null && !(body instanceof ArrayBuffer)) {
    vu.refuse('a body that is neither a text nor an ArrayBuffer (forms and multipart)');
  }
  const callback = given.responseCallback ?? expected;
  if (!(callback instanceof Expected)) vu.refuse('a response callback that is not of expectedStatuses');
  const cookies = Object.entries(given.cookies ?? {}).map(([name, each]) =>
    typeof each === 'string'
      ? { name, value: each, replace: false }
      : { name, value: each.value ?? '', replace: each.replace ?? false },
  );
  return {
    method: method.toUpperCase(),
    url: url as string,
    headers: Object.fromEntries(
      Object.entries(given.headers ?? {}).map(([name, value]) => [name, String(value)]),
    ),
    cookies,
    body: body ?? undefined,
    timeoutMs: parseDuration(given.timeout ?? '60s'),
    redirects: given.redirects,
    responseType: given.responseType,
    expected: callback.ranges,
    tags: { ...vu.currentTags(), ...given.tags },
  };
}

class Response {
  constructor(answer: HttpAnswer) {
    Object.assign(this, answer);
  }

  json(selector?: string): unknown {
    if (selector !== undefined) vu.refuse('a selector in Response.json');
    const { body } = this as unknown as HttpAnswer;
    if (typeof body !== 'string') throw new Error('the body is empty so we cannot transform it to JSON');
    return JSON.parse(body);
  }
}

const wrap = (answer: HttpAnswer): Response => only('Response', new Response(answer));

function send(method: string, url: string, body?: Body, params?: Params | null): Response {
  const [answer] = vu.call({ requests: [prepare(method, url, body, params)] });
  return wrap(answer!);
}

export const request = send;
export const get = (url: string, params?: Params | null): Response => send('GET', url, null, params);
export const head = (url: string, params?: Params | null): Response => send('HEAD', url, null, params);
export const post = (url: string, body?: Body, params?: Params | null): Response =>
  send('POST', url, body, params);
export const put = (url: string, body?: Body, params?: Params | null): Response =>
  send('PUT', url, body, params);
export const patch = (url: string, body?: Body, params?: Params | null): Response =>
  send('PATCH', url, body, params);
export const del = (url: string, body?: Body, params?: Params | null): Response =>
  send('DELETE', url, body, params);

type Item =
  | string
  | [string, string, Body?, (Params | null)?]
  | { method: string; url: string; body?: Body; params?: Params | null };

/** k6 opens at most this many connections to one host for a batch. */
const batchPerHost = 6;

/** Requests at the same time; answers in the form that the requests had. */
export function batch(items: Item[] | Record<string, Item>): Response[] | Record<string, Response> {
  const names = Object.keys(items);
  const requests = Object.values(items).map((item) => {
    if (typeof item === 'string') return prepare('GET', item, null);
    if (Array.isArray(item)) return prepare(...item);
    return prepare(item.method, item.url, item.body, item.params);
  });
  if (requests.length > batchPerHost) vu.refuse(`a batch of more than ${batchPerHost} requests`);
  const answers = vu.call({ requests }).map(wrap);
  return Array.isArray(items) ? answers : Object.fromEntries(answers.map((answer, i) => [names[i]!, answer]));
}

export default only('http', {
  request,
  get,
  head,
  post,
  put,
  patch,
  del,
  batch,
  expectedStatuses,
  setResponseCallback,
});
