/** The edge over real HTTP: behaviors, origins and their groups, what passes in each direction, and the viewer. */

import { once } from 'node:events';
import { describe, expect, test } from '@jest/globals';
import type { Endpoint } from '../../../contract/endpoint.ts';
import type { EdgeConfig } from '../../../local/edge/config.ts';
import { edge } from '../../../local/parts/edge.ts';
import { answerByPlace, behavior, common, origin, runEdge } from '../../support/edge.ts';
import { ask, echoUpgrades, freePort, runPart, serve, talk } from '../../support/parts.ts';

const echo = () =>
  serve(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    response.end(`${request.method} ${request.url} ${body}`);
  });

describe('to the origin', () => {
  test('goes the request with the origin’s host and secret, without what only the edge knows', async () => {
    const service = await echo();
    const origins = { service: origin('service.example', { headers: { 'x-origin-verify': 'secret' } }) };
    const port = await runEdge({ origins }, { 'service.example': service.endpoint });
    const { body } = await ask(port, '/api?x=1', {
      method: 'POST',
      headers: { cookie: 'owner=1; __local_viewer=DE', 'x-origin-verify': 'forged', origin: 'http://a' },
      body: 'hello',
    });
    expect(body).toBe('POST /api?x=1 hello');
    expect(service.requests[0]!.headers).toMatchObject({
      host: 'service.example',
      'x-origin-verify': 'secret',
      cookie: 'owner=1',
      origin: 'http://a',
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-proto': 'https',
    });
  });

  test('a bucket gets no cookie, and the path it has in the template', async () => {
    const bucket = await echo();
    const files = behavior({
      pattern: '/assets/*',
      target: 'bucket',
      methods: ['GET', 'HEAD'],
      forwarding: { headers: [], cookies: [], query: [] },
    });
    const port = await runEdge(
      {
        behaviors: [files, behavior()],
        origins: { bucket: origin('bucket.s3.eu-west-1.amazonaws.com', { path: '/client' }) },
      },
      { 'bucket.s3.eu-west-1.amazonaws.com': bucket.endpoint },
    );
    const { body } = await ask(port, '/assets/app.js?v=1', { headers: { cookie: 'owner=1' } });
    expect(body).toBe('GET /client/assets/app.js ');
    expect(bucket.requests[0]!.headers.cookie).toBeUndefined();
    expect(bucket.requests[0]!.headers.host).toBe('bucket.s3.eu-west-1.amazonaws.com');
    expect((await ask(port, '/assets/app.js', { method: 'POST' })).status).toBe(403);
  });

  test('a function on viewer requests adds headers and keeps paths from viewers', async () => {
    const service = await echo();
    const viewerFunction = `function handler(event) {
      if (event.request.uri === '/healthz') return { statusCode: 404 };
      event.request.headers['x-viewer-host'] = { value: event.request.headers.host.value };
      return event.request;
    }`;
    const port = await runEdge(
      { behaviors: [behavior({ viewerFunction })] },
      { 'service.example': service.endpoint },
    );
    expect((await ask(port, '/healthz')).status).toBe(404);
    await ask(port, '/', { headers: { host: 'www.example.com' } });
    expect(service.requests.map(({ headers }) => headers['x-viewer-host'])).toEqual(['www.example.com']);
  });

  test('WebSockets pass', async () => {
    const service = await echo();
    echoUpgrades(service);
    const port = await runEdge({}, { 'service.example': service.endpoint });
    const lines = [
      'GET /ws HTTP/1.1',
      'Host: localhost',
      'Connection: Upgrade',
      'Upgrade: websocket',
      '',
      'hello',
    ];
    expect(await talk(port, lines, 'HELLO')).toContain('101 Switching Protocols');
  });

  test('a viewer who leaves ends the request to the origin', async () => {
    const left = Promise.withResolvers<void>();
    const service = await serve((request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: 1\n\n');
      request.socket.once('close', () => left.resolve());
    });
    const port = await runEdge({}, { 'service.example': service.endpoint });
    await talk(port, ['GET /events HTTP/1.1', 'Host: localhost', '', ''], 'data: 1');
    await left.promise;
  });
});

describe('to the viewer', () => {
  test('go the answer, the policy’s headers, and cookies without Secure', async () => {
    const service = await serve((_, response) => {
      response.setHeader('set-cookie', [
        'owner=1; Secure; HttpOnly; SameSite=Lax',
        'b=secure; Path=/; secure',
      ]);
      response.setHeader('x-frame-options', 'SAMEORIGIN');
      response.writeHead(422).end('no');
    });
    const responseHeaders = [
      { name: 'x-frame-options', value: 'DENY', override: false },
      { name: 'x-content-type-options', value: 'nosniff', override: true },
    ];
    const port = await runEdge(
      { behaviors: [behavior({ responseHeaders })] },
      { 'service.example': service.endpoint },
    );
    expect(await ask(port, '/')).toMatchObject({
      status: 422,
      body: 'no',
      headers: {
        'set-cookie': ['owner=1; HttpOnly; SameSite=Lax', 'b=secure; Path=/'],
        'x-frame-options': 'SAMEORIGIN',
        'x-content-type-options': 'nosniff',
      },
    });
  });

  test('the port that plays HTTP redirects to the one that plays HTTPS', async () => {
    const [httpsPort, httpPort] = [await freePort(), await freePort()];
    await runEdge({ httpsPort, httpPort }, {});
    const { status, headers } = await ask(httpPort, '/a?b', { headers: { host: `localhost:${httpPort}` } });
    expect([status, headers.location]).toEqual([301, `http://localhost:${httpsPort}/a?b`]);
  });
});

describe('refused before anything is asked', () => {
  /** Sends a request as it stands; resolves with the status line. */
  const statusOf = async (port: number, lines: readonly string[]) =>
    (await talk(port, [...lines, '', ''], '\r\n')).split('\r\n')[0]!.split(' ')[1];

  test.each([
    ['two lengths', ['POST / HTTP/1.1', 'Host: localhost', 'Content-Length: 5', 'Content-Length: 6'], '400'],
    [
      'a length and chunks',
      ['POST / HTTP/1.1', 'Host: localhost', 'Content-Length: 4', 'Transfer-Encoding: chunked'],
      '400',
    ],
    [
      'chunks under another name',
      ['POST / HTTP/1.1', 'Host: localhost', 'Transfer-Encoding: xchunked', 'Content-Length: 4'],
      '400',
    ],
    ['a space before the colon', ['GET / HTTP/1.1', 'Host: localhost', 'Content-Length : 4'], '400'],
    ['a bare line feed', ['GET / HTTP/1.1\nX-A: 1', 'Host: localhost'], '400'],
    ['a folded header', ['GET / HTTP/1.1', 'Host: localhost', 'X-A: 1', ' Content-Length: 4'], '400'],
    ['a body where none belongs', ['GET / HTTP/1.1', 'Host: localhost', 'Content-Length: 4'], '403'],
    ['two hosts', ['GET / HTTP/1.1', 'Host: localhost', 'Host: www.example.com'], '400'],
    ['no host', ['GET / HTTP/1.0'], '400'],
    ['another machine’s URL', ['GET http://10.0.0.1/ HTTP/1.1', 'Host: localhost'], '400'],
    ['another name', ['GET / HTTP/1.1', 'Host: evil.example'], '403'],
    ['a name that only begins like ours', ['GET / HTTP/1.1', 'Host: localhost.evil.example'], '403'],
    ['a URL that is too long', [`GET /${'a'.repeat(8_192)} HTTP/1.1`, 'Host: localhost'], '414'],
    ['too many headers', ['GET / HTTP/1.1', 'Host: localhost', `X-A: ${'a'.repeat(20_480)}`], '431'],
  ])('%s', async (_, lines, status) => {
    const service = await echo();
    const port = await runEdge({}, { 'service.example': service.endpoint });
    expect(await statusOf(port, lines)).toBe(status);
    expect(service.requests).toEqual([]);
  });

  test('what only the edge may say does not pass', async () => {
    const service = await echo();
    const viewerFunction = `function handler(event) {
      event.request.headers['x-viewer-address'] = { value: event.viewer.ip };
      return event.request;
    }`;
    const port = await runEdge(
      { behaviors: [behavior({ viewerFunction })] },
      { 'service.example': service.endpoint },
    );
    const forged = {
      'x-viewer-address': '192.0.2.1',
      'x-forwarded-for': '192.0.2.1',
      'x-forwarded-proto': 'http',
      'x-real-ip': '192.0.2.1',
      'x-amz-cf-id': 'forged',
      'x-edge-location': 'forged',
      'cloudfront-viewer-country': 'XX',
      via: 'forged',
    };
    await ask(port, '/', { headers: forged });
    const { headers } = service.requests[0]!;
    expect(headers).toMatchObject({
      'x-viewer-address': '127.0.0.1',
      // The chain is kept, and whose connection it was stands last.
      'x-forwarded-for': '192.0.2.1, 127.0.0.1',
      'x-forwarded-proto': 'https',
    });
    expect(headers['x-amz-cf-id']).not.toBe('forged');
    expect(headers.via).not.toContain('forged');
    for (const name of ['x-real-ip', 'x-edge-location', 'cloudfront-viewer-country']) {
      expect(headers[name]).toBeUndefined();
    }
  });
});

describe('a failing origin', () => {
  test('502 that says so when nothing listens', async () => {
    const port = await runEdge({}, { 'service.example': { host: '127.0.0.1', port: await freePort() } });
    expect(await ask(port, '/')).toMatchObject({
      status: 502,
      body: expect.stringContaining('not able to connect to the origin'),
    });
    expect((await ask(await runEdge({}, {}), '/')).status).toBe(502);
  });

  test('504 when it is silent', async () => {
    const silent = await serve(() => undefined);
    const origins = { service: origin('service.example', { readTimeoutMs: 50 }) };
    const port = await runEdge({ origins }, { 'service.example': silent.endpoint });
    expect((await ask(port, '/')).status).toBe(504);
    expect(silent.requests).toHaveLength(1);
  });

  test('a reset is tried again for GET, never for POST', async () => {
    const flaky = await serve((request) => request.socket.destroy());
    const port = await runEdge({}, { 'service.example': flaky.endpoint });
    expect((await ask(port, '/')).status).toBe(502);
    expect((await ask(port, '/', { method: 'POST', body: 'x' })).status).toBe(502);
    expect(flaky.requests.map(({ method }) => method)).toEqual(['GET', 'GET', 'POST']);
  });

  test('the next origin of a group is asked when the first is away or answers one of its statuses', async () => {
    const first = await serve((_, response) => void response.writeHead(403).end());
    const second = await echo();
    const settings = {
      behaviors: [behavior({ target: 'group' })],
      origins: { one: origin('one.example'), two: origin('two.example') },
      groups: { group: { members: ['one', 'two'], statusCodes: [403, 503] } },
    };
    const names = { 'one.example': first.endpoint, 'two.example': second.endpoint };
    const port = await runEdge(settings, names);
    expect((await ask(port, '/a')).body).toBe('GET /a ');
    expect((await ask(port, '/a', { method: 'PUT' })).status).toBe(403);
    await first.close();
    expect((await ask(port, '/b')).body).toBe('GET /b ');
    await second.close();
    expect((await ask(port, '/c')).status).toBe(502);
  });

  test('an upload that found no connection is sent whole by the second attempt', async () => {
    const service = await echo();
    const dead = { host: '127.0.0.1', port: await freePort() };
    // The name's first answer is a region that is gone, the second one is alive.
    const answers = [dead, service.endpoint];
    const names = new Proxy({} as Record<string, Endpoint>, {
      get: () => answers.shift() ?? service.endpoint,
    });
    const port = await runEdge({}, names);
    const { body } = await ask(port, '/up', { method: 'PUT', body: 'x'.repeat(200_000) });
    expect(body).toHaveLength('PUT /up '.length + 200_000);
  });
});

describe('where the viewer is', () => {
  /** Europe's viewers go to Dublin, everyone else to Virginia. */
  async function twoRegions() {
    const [dublin, virginia] = await Promise.all([
      serve((_, response) => void response.end('dublin')),
      serve((_, response) => void response.end('virginia')),
    ]);
    const [one, two] = ['one.eu-west-1.elb.amazonaws.com', 'two.us-east-1.elb.amazonaws.com'] as const;
    const nameServer = await answerByPlace('origin.example', [
      { geography: { continent: 'EU' }, balancer: one, ipv4: '198.18.0.1' },
      { geography: { country: '*' }, balancer: two, ipv4: '198.18.0.2' },
    ]);
    return runEdge(
      { nameServer, origins: { service: origin('origin.example') } },
      { '198.18.0.1': dublin.endpoint, '198.18.0.2': virginia.endpoint },
    );
  }

  test('decides which region answers, and a cookie says where that is', async () => {
    const port = await twoRegions();
    expect((await ask(port, '/')).body).toBe('virginia');
    const chosen = await ask(port, '/__local/viewer?country=de');
    expect(chosen).toMatchObject({ status: 303, headers: { location: '/' } });
    const cookie = chosen.headers['set-cookie']![0]!.split(';')[0]!;
    expect((await ask(port, '/', { headers: { cookie } })).body).toBe('dublin');
  });

  test('the page names places, the current one, and the region that would answer each', async () => {
    const port = await twoRegions();
    const { body, headers } = await ask(port, '/__local/viewer', {
      headers: { cookie: '__local_viewer=DE' },
    });
    expect(headers['content-type']).toContain('text/html');
    const row = /<tr class="here"[^>]*>.*<\/tr>/.exec(body)?.[0];
    expect(row).toContain('Germany');
    expect(row).toContain('eu-west-1');
    expect(body).toMatch(/Japan<\/a><\/td><td>Asia<\/td><td>us-east-1/);
  });

  test('a country that is none is refused with a sentence', async () => {
    const port = await twoRegions();
    expect(await ask(port, '/__local/viewer?country=%3Cb%3E')).toMatchObject({
      status: 400,
      body: expect.stringContaining('&#60;b&#62;'),
    });
  });
});

test('an edge that is closed cuts what is open and frees its ports', async () => {
  const service = await serve((_, response) => void response.writeHead(200).write('data: 1\n\n'));
  const settings: EdgeConfig = {
    ...common,
    httpsPort: await freePort(),
    httpPort: await freePort(),
    behaviors: [behavior()],
    origins: { service: origin('service.example') },
  };
  const part = await runPart(edge, settings, { 'service.example': service.endpoint });
  const broken = expect(ask(settings.httpsPort, '/events')).rejects.toThrow();
  await once(service.server, 'request');
  await part.close();
  await broken;
  await runPart(edge, settings, {});
});
