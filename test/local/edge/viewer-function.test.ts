import { expect, test } from '@jest/globals';
import { viewerFunction } from '../../../local/edge/viewer-function.ts';

const distribution = { id: 'E1', domain: 'd1.cloudfront.net' };
const request = {
  method: 'GET',
  path: '/a',
  query: 'x=1&x=2&flag',
  headers: { host: 'www.example.com', cookie: 'a=1; b=2', 'set-of': ['1', '2'] },
};
const run = (code: string) => viewerFunction(code, distribution)(request, '192.0.2.7');

test('what a function leaves alone comes out as it went in', async () => {
  expect(await run('function handler(event) { return event.request; }')).toEqual({ kind: 'pass', request });
});

test('a function sees viewer and host, and changes headers and path', async () => {
  const verdict = await run(`async function handler({ request, viewer, context }) {
    request.headers['x-seen'] = { value: [request.headers.host.value, viewer.ip, context.eventType, request.cookies.b.value].join(' ') };
    request.uri = '/b';
    return request;
  }`);
  expect(verdict).toMatchObject({
    kind: 'pass',
    request: {
      path: '/b',
      headers: { 'x-seen': 'www.example.com 192.0.2.7 viewer-request 2' },
    },
  });
});

test('a function may answer itself', async () => {
  const code = `function handler() { return { statusCode: 404, headers: { 'X-A': { value: '1' } }, body: 'no' }; }`;
  expect(await run(code)).toEqual({ kind: 'answer', status: 404, headers: { 'x-a': '1' }, body: 'no' });
});

test('a function that throws or never ends rejects', async () => {
  await expect(run(`function handler() { throw new Error('broken'); }`)).rejects.toThrow('broken');
  await expect(run('function handler() { for (;;); }')).rejects.toThrow('timed out');
});

test('code that is none is refused when it is compiled', () => {
  expect(() => viewerFunction('function handler( {', distribution)).toThrow('Unexpected end of input');
});
