/** `edge.ts PORT`: the edge of the local run, with the behavior and function of a page, before an origin on that port. */

import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { edge } from '../../local/parts/edge.ts';
import { subject } from './listen.ts';

const originPort = Number(process.argv[2]);
const none = { headers: [], cookies: [], query: [] };
const [httpsPort, httpPort] = [await freePort(), await freePort()];

await edge(
  {
    distribution: { id: 'E1', domain: 'd1.cloudfront.net' },
    names: [],
    httpsPort,
    httpPort,
    errorTtlMs: {},
    otherErrorTtlMs: 0,
    behaviors: [
      {
        pattern: '*',
        target: 'origin',
        methods: ['GET', 'HEAD'],
        forwarding: none,
        cache: { minMs: 0, defaultMs: 0, maxMs: 86_400_000, key: none, encodings: ['br', 'gzip'] },
        compress: true,
        viewerFunction: `function handler(event) {
          event.request.headers['x-viewer-host'] = { value: event.request.headers.host.value };
          return event.request;
        }`,
        responseHeaders: [{ name: 'x-content-type-options', value: 'nosniff', override: true }],
      },
    ],
    origins: {
      origin: {
        domain: 'origin',
        path: '',
        headers: {},
        attempts: 2,
        connectTimeoutMs: 3_000,
        readTimeoutMs: 30_000,
      },
    },
    groups: {},
  },
  {
    region: 'edge',
    dial: () => ({ host: '127.0.0.1', port: originPort }),
    emit() {},
    log() {},
  },
);
subject(httpsPort);

function freePort(): Promise<number> {
  const server = createServer();
  return new Promise((resolve) =>
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    }),
  );
}
