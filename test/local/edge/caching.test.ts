/** What the edge keeps and for whom, over real HTTP. An answer that comes with an Age is old at once, so nothing waits. */

import { once } from 'node:events';
import { get, type IncomingMessage, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import type { BehaviorConfig, EdgeConfig } from '../../../local/edge/config.ts';
import { behavior, runEdge } from '../../support/edge.ts';
import { ask, serve } from '../../support/parts.ts';

const none = { headers: [], cookies: [], query: [] };
const cache = { minMs: 0, defaultMs: 0, maxMs: 86_400_000, key: none, encodings: [] };

/** An edge whose one behavior keeps what the origin allows; no cookie or header reaches the origin. */
async function caching(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
  more: Partial<BehaviorConfig> = {},
  settings: Partial<EdgeConfig> = {},
) {
  const service = await serve(answer);
  const behaviors = [behavior({ forwarding: none, cache, ...more })];
  const port = await runEdge({ behaviors, ...settings }, { 'service.example': service.endpoint });
  return { service, port };
}

const saying =
  (control: string, headers: Record<string, string> = {}) =>
  (request: IncomingMessage, response: ServerResponse) => {
    response
      .writeHead(200, { ...(control && { 'cache-control': control }), ...headers })
      .end(`at ${request.url}`);
  };

const result = ({ headers }: { headers: IncomingMessage['headers'] }) =>
  String(headers['x-cache']).replace(' from cloudfront', '');

/** Results of requests one after the other. */
async function results(port: number, paths: readonly string[], headers: Record<string, string> = {}) {
  const seen: string[] = [];
  for (const path of paths) seen.push(result(await ask(port, path, { headers })));
  return seen;
}

const allQueries = { ...none, query: [{ kind: 'all' as const, names: [] }] };

describe('an answer that may be kept', () => {
  test('is asked for once, and says how old it is', async () => {
    const { service, port } = await caching(saying('max-age=60', { age: '5' }));
    const first = await ask(port, '/a');
    const second = await ask(port, '/a');
    expect([result(first), result(second)]).toEqual(['Miss', 'Hit']);
    expect(second).toMatchObject({ body: 'at /a', headers: { age: '5', 'cache-control': 'max-age=60' } });
    expect(service.requests).toHaveLength(1);
  });

  test('has a key of its path and what the policy names', async () => {
    const { port } = await caching(saying('max-age=60'), {
      cache: { ...cache, key: { ...allQueries, headers: [{ kind: 'only', names: ['accept-language'] }] } },
    });
    expect(await results(port, ['/a', '/a?x', '/a?x', '/b'])).toEqual(['Miss', 'Miss', 'Hit', 'Miss']);
    expect(await results(port, ['/a'], { cookie: 'a=1', 'x-other': '1' })).toEqual(['Hit']);
    expect(await results(port, ['/a'], { 'accept-language': 'de' })).toEqual(['Miss']);
  });

  test('is another one for viewers of another place', async () => {
    const { port } = await caching(saying('max-age=60'));
    expect(await results(port, ['/', '/'])).toEqual(['Miss', 'Hit']);
    expect(await results(port, ['/', '/'], { cookie: '__local_viewer=DE' })).toEqual(['Miss', 'Hit']);
  });

  test('answers HEAD, conditions and ranges', async () => {
    const { service, port } = await caching(saying('max-age=60', { etag: '"1"' }));
    await ask(port, '/abc', { headers: { 'if-none-match': '"1"' } });
    expect(service.requests[0]!.headers['if-none-match']).toBeUndefined();
    expect(await ask(port, '/abc', { method: 'HEAD' })).toMatchObject({
      status: 200,
      body: '',
      headers: { 'content-length': '7' },
    });
    const known = await ask(port, '/abc', { headers: { 'if-none-match': 'W/"1"' } });
    expect(known).toMatchObject({ status: 304, body: '' });
    expect(await ask(port, '/abc', { headers: { range: 'bytes=3-' } })).toMatchObject({
      status: 206,
      body: '/abc',
      headers: { 'content-range': 'bytes 3-6/7' },
    });
    expect((await ask(port, '/abc', { headers: { range: 'bytes=9-' } })).status).toBe(416);
    expect(service.requests).toHaveLength(1);
  });

  test.each([
    ['nothing said, and a default', '', { defaultMs: 60_000 }, ['Miss', 'Hit']],
    ['nothing said, and no default', '', {}, ['Miss', 'Miss']],
    ['s-maxage over max-age', 'max-age=0, s-maxage=60', {}, ['Miss', 'Hit']],
    ['more than the maximum', 'max-age=60', { maxMs: 5_000 }, ['Miss', 'Miss']],
    ['less than the minimum', 'no-store', { minMs: 60_000 }, ['Miss', 'Hit']],
    ['no-store', 'no-store', { defaultMs: 60_000 }, ['Miss', 'Miss']],
    ['private', 'Private, max-age=60', { defaultMs: 60_000 }, ['Miss', 'Miss']],
    ['no-cache', 'no-cache', { defaultMs: 60_000 }, ['Miss', 'Miss']],
    ['a policy that keeps nothing', 'max-age=60', { maxMs: 0 }, ['Miss', 'Miss']],
  ])('by header and policy: %s', async (_, control, times, expected) => {
    const { port } = await caching(saying(control, { age: '5' }), { cache: { ...cache, ...times } });
    expect(await results(port, ['/', '/'])).toEqual(expected);
  });

  test('is no answer to POST, and a cookie that is set for one is not kept for others', async () => {
    const { port } = await caching(saying('max-age=60', { 'set-cookie': 'owner=1' }));
    expect(await results(port, ['/', '/'])).toEqual(['Miss', 'Miss']);
    const plain = await caching(saying('max-age=60'));
    await ask(plain.port, '/', { method: 'POST', body: 'x' });
    expect(await results(plain.port, ['/'])).toEqual(['Miss']);
  });

  test('an error is kept as long as the distribution says, whatever its headers say', async () => {
    const failing = (_: IncomingMessage, response: ServerResponse) =>
      void response.writeHead(503, { 'cache-control': 'no-store' }).end();
    const kept = await caching(failing, {}, { errorTtlMs: { 503: 60_000 } });
    const passing = await caching(failing, {}, { errorTtlMs: { 503: 0 } });
    for (const { port } of [kept, passing])
      expect(await results(port, ['/', '/'])).toEqual(['Error', 'Error']);
    expect([kept.service.requests.length, passing.service.requests.length]).toEqual([1, 2]);
  });
});

describe('an answer that is too old', () => {
  const old = { age: '60' };

  test('is asked about, and kept when it has not changed', async () => {
    const { service, port } = await caching((request, response) => {
      const known = request.headers['if-none-match'] === '"1"';
      response.writeHead(known ? 304 : 200, {
        etag: '"1"',
        'cache-control': 'max-age=60',
        ...(known ? {} : old),
      });
      response.end(known ? undefined : 'whole');
    });
    expect(await results(port, ['/', '/', '/'])).toEqual(['Miss', 'RefreshHit', 'Hit']);
    expect((await ask(port, '/')).body).toBe('whole');
    expect(service.requests).toHaveLength(2);
  });

  test.each([
    ['while the origin answers with an error', 503],
    ['while the origin does not answer', 0],
  ])('is served %s, if its headers allow', async (_, status) => {
    let down = false;
    const { port } = await caching((request, response) => {
      if (down && status === 0) return void request.socket.destroy();
      const control = request.url === '/page' ? 'max-age=60, stale-if-error=600' : 'max-age=60';
      response.writeHead(down ? status : 200, { 'cache-control': control, ...old }).end('kept');
    });
    for (const path of ['/page', '/other']) await ask(port, path);
    down = true;
    expect(await ask(port, '/page')).toMatchObject({ status: 200, body: 'kept', headers: { age: '60' } });
    expect((await ask(port, '/other')).status).toBe(status || 502);
  });

  test('is served once more while it is asked for anew', async () => {
    let version = 1;
    const { service, port } = await caching((_, response) => {
      const control = version === 1 ? 'max-age=60, stale-while-revalidate=600' : 'max-age=600';
      response.writeHead(200, { 'cache-control': control, ...old }).end(`version ${version}`);
    });
    await ask(port, '/');
    version = 2;
    const refreshed = once(service.server, 'request');
    expect((await ask(port, '/')).body).toBe('version 1');
    await refreshed;
    for (let i = 0; i < 100 && (await ask(port, '/')).body !== 'version 2'; i++);
    expect(await ask(port, '/')).toMatchObject({
      body: 'version 2',
      headers: { 'x-cache': 'Hit from cloudfront' },
    });
    expect(service.requests).toHaveLength(2);
  });
});

describe('many who ask at once', () => {
  /** An origin that answers when told. */
  function held(control: string) {
    const waiting: ServerResponse[] = [];
    const answer = (_: IncomingMessage, response: ServerResponse) => void waiting.push(response);
    const release = () => {
      for (const response of waiting.splice(0))
        response.writeHead(200, { 'cache-control': control }).end('same');
    };
    return { answer, release, waiting };
  }

  test('are one request where no cookie reaches the origin', async () => {
    const origin = held('max-age=60');
    const { service, port } = await caching(origin.answer);
    const first = ask(port, '/');
    await once(service.server, 'request');
    const arrived = once(service.server, 'request');
    const others = [1, 2, 3].map(() => ask(port, '/'));
    // Comes after them on its way through the edge.
    const other = ask(port, '/other');
    await arrived;
    origin.release();
    const all = await Promise.all([first, ...others]);
    await other;
    expect(all.map(result).sort()).toEqual(['Hit', 'Hit', 'Hit', 'Miss']);
    expect(service.requests.map(({ url }) => url)).toEqual(['/', '/other']);
  });

  test('are a request each where cookies reach it, or the answer is not to be kept', async () => {
    const cookies = { ...none, cookies: [{ kind: 'all' as const, names: [] }] };
    const personal = held('max-age=60');
    const one = await caching(personal.answer, { forwarding: cookies });
    const asked = [1, 2].map(() => ask(one.port, '/'));
    while (personal.waiting.length < 2) await once(one.service.server, 'request');
    personal.release();
    await Promise.all(asked);

    const { service, port } = await caching(saying('no-store'));
    const answers = await Promise.all([1, 2, 3].map(() => ask(port, '/')));
    expect(answers.map(({ body }) => body)).toEqual(['at /', 'at /', 'at /']);
    expect(service.requests).toHaveLength(3);
  });

  test('are answered though the first of them leaves', async () => {
    const origin = held('max-age=60');
    const { service, port } = await caching(origin.answer);
    const leaver = get({ host: '127.0.0.1', port, path: '/', agent: false });
    leaver.on('error', () => undefined);
    await once(service.server, 'request');
    const other = ask(port, '/');
    const again = once(service.server, 'request');
    leaver.destroy();
    await again;
    origin.release();
    expect((await other).body).toBe('same');
  });
});

describe('compression', () => {
  const encodings = ['br', 'gzip'] as const;
  const page = 'a page of text '.repeat(200);
  const sent = (headers: Record<string, string>, body = page) =>
    caching(
      (_, response) =>
        void response.writeHead(200, { 'content-length': String(body.length), ...headers }).end(body),
      { compress: true, cache: { ...cache, encodings, defaultMs: 60_000 } },
    );

  /** The raw body and headers for what a viewer accepts. */
  async function raw(port: number, accept: string) {
    const [answer] = (await once(
      get({ host: '127.0.0.1', port, path: '/', agent: false, headers: { 'accept-encoding': accept } }),
      'response',
    )) as [IncomingMessage];
    const chunks: Buffer[] = [];
    for await (const chunk of answer) chunks.push(chunk);
    return { headers: answer.headers, body: Buffer.concat(chunks) };
  }

  test('is what the viewer takes, kept apart for each', async () => {
    const { service, port } = await sent({ 'content-type': 'text/html; charset=utf-8', etag: '"1"' });
    for (const expected of ['Miss', 'Hit']) {
      const brotli = await raw(port, 'gzip, br;q=0.5');
      expect(brotli.headers).toMatchObject({
        'content-encoding': 'br',
        etag: 'W/"1"',
        vary: 'Accept-Encoding',
      });
      expect(String(brotliDecompressSync(brotli.body))).toBe(page);
      const gzip = await raw(port, 'gzip, br;q=0');
      expect(String(gunzipSync(gzip.body))).toBe(page);
      const plain = await raw(port, '');
      expect(String(plain.body)).toBe(page);
      expect([brotli, gzip, plain].map(result)).toEqual([expected, expected, expected]);
    }
    expect(service.requests.map(({ headers }) => headers['accept-encoding'])).toEqual([
      'br,gzip',
      'gzip',
      undefined,
    ]);
  });

  test.each([
    ['pictures', { 'content-type': 'image/jpeg' }],
    ['what is compressed already', { 'content-type': 'text/css', 'content-encoding': 'zstd' }],
    ['what must not be changed', { 'content-type': 'text/css', 'cache-control': 'no-transform' }],
  ])('leaves %s alone', async (_, headers) => {
    const { port } = await sent(headers);
    expect(String((await raw(port, 'br')).body)).toBe(page);
  });

  test('an event stream passes line by line, plain', async () => {
    let stream: ServerResponse | undefined;
    const { port } = await caching(
      (_, response) => {
        stream = response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.write('data: 1\n\n');
      },
      { compress: true, cache: { ...cache, encodings } },
    );
    const request = get({
      host: '127.0.0.1',
      port,
      path: '/',
      agent: false,
      headers: { 'accept-encoding': 'br' },
    });
    const [answer] = (await once(request, 'response')) as [IncomingMessage];
    expect(answer.headers['content-encoding']).toBeUndefined();
    expect(String((await once(answer, 'data'))[0])).toBe('data: 1\n\n');
    const rest = text(answer);
    stream!.end('data: 2\n\n');
    expect(await rest).toBe('data: 2\n\n');
  });
});
