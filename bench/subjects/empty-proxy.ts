/** `empty-proxy.ts PORT`: the least that a proxy in Node can be, in front of an origin on that port. */

import { Agent, request as ask, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { subject } from './listen.ts';

const agent = new Agent({ keepAlive: true, maxFreeSockets: 256 });
const port = Number(process.argv[2]);

const server = createServer(({ method, url, headers }, response) => {
  ask({ host: '127.0.0.1', port, agent, method, path: url, headers }, (answer) => {
    response.writeHead(answer.statusCode!, answer.headers);
    answer.pipe(response);
  }).end();
});
server.listen(0, '127.0.0.1', () => subject((server.address() as AddressInfo).port));
