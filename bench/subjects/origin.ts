/** An origin that answers everything with a kilobyte; what begins with `/kept` may be kept. */

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { subject } from './listen.ts';

const body = Buffer.alloc(1024, 'x');

const server = createServer((request, response) => {
  const control = request.url!.startsWith('/kept') ? 'max-age=3600' : 'no-store';
  response
    .writeHead(200, { 'content-type': 'text/plain', 'content-length': body.length, 'cache-control': control })
    .end(body);
});
server.listen(0, '127.0.0.1', () => subject((server.address() as AddressInfo).port));
