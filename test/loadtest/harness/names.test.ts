/** k6's three traps in a failover: its DNS cache, kept connections, and long timeouts. Any one hides the move. */

import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterAll, expect, test } from '@jest/globals';
import { scriptFolder, serve, tryScript } from './scripts.ts';

const folder = scriptFolder();

test.concurrent.each([
  ['all three in order', { ttl: '0', reuse: false, timeout: '300ms' }, 0],
  ["k6's default DNS", { ttl: '5m', reuse: false, timeout: '300ms' }, 99],
  ['kept connections', { ttl: '0', reuse: true, timeout: '300ms' }, 99],
  ["k6's default timeout", { ttl: '0', reuse: false, timeout: '60s' }, 99],
] as const)('%s', async (_, { ttl, reuse, timeout }, exitCode) => {
  // The first site breaks while its port stays open; the name points at the second once that has been noticed.
  let broken = false;
  let moved = false;
  const first = await serve((_request, response) => {
    if (!broken) return void response.end('first');
    moved = true;
    if (reuse) response.writeHead(503).end();
  });
  const second = await serve((_request, response) => void response.end('second'));
  const names = await nameServer(() => (moved ? '198.18.0.2' : '198.18.0.1'));
  const addresses = {
    '198.18.0.1': { host: '127.0.0.1', port: first.port },
    '198.18.0.2': { host: '127.0.0.1', port: second.port },
  };
  const ended = await tryScript(
    folder,
    `import http from 'k6/http'; import { sleep } from 'k6'; import { Counter } from 'k6/metrics';
       const served = new Counter('served');
       export const options = {
         dns: { ttl: '${ttl}' }, noConnectionReuse: ${!reuse},
         scenarios: { a: { executor: 'constant-vus', vus: 1, duration: '1200ms', gracefulStop: '0s' } },
         thresholds: { 'served{by:first}': ['count>0'], 'served{by:second}': ['count>0'] },
       };
       export default () => {
         const answer = http.get('http://www.site.test/', { timeout: '${timeout}' });
         if (answer.status === 200) served.add(1, { by: answer.body });
         if (answer.body === 'first') console.log('served by the first');
         sleep(0.02);
       };`,
    {
      dns: names.address,
      addresses,
      log: (line) => {
        if (line.includes('served by the first')) broken = true;
      },
    },
  );
  expect(ended.exitCode).toBe(exitCode);
  if (exitCode === 99) expect(ended.reason).toBe('served{by:second}: count>0');
});

test('a name that nobody knows is error 1101, a closed port 1212', async () => {
  const { server, port } = await serve(() => {});
  server.close();
  await once(server, 'close');
  const names = await nameServer(() => undefined);
  const ended = await tryScript(
    folder,
    `import http from 'k6/http';
     export const options = { thresholds: {
       'http_reqs{error_code:1101}': ['count==1'], 'http_reqs{error_code:1212}': ['count==1'] } };
     export default () => { http.get('http://nobody.test/'); http.get('http://127.0.0.1:${port}/'); };`,
    { dns: names.address },
  );
  expect(ended.verdicts.map(({ ok }) => ok)).toEqual([true, true]);
});

const sockets: { close(): void }[] = [];
afterAll(() => {
  for (const socket of sockets) socket.close();
});

/** Answers every question for an A record by what `answer` says then, with a TTL of 0 (RFC 1035, section 4). */
async function nameServer(answer: () => string | undefined): Promise<{ address: string }> {
  const socket = createSocket('udp4');
  sockets.push(socket);
  socket.on('message', (query, { address, port }) => {
    const end = query.indexOf(0, 12) + 5;
    const isA = query.readUInt16BE(end - 4) === 1;
    const ip = isA ? answer() : undefined;
    const header = Buffer.from(query.subarray(0, 12));
    header.writeUInt16BE(ip === undefined && isA ? 0x8183 : 0x8180, 2);
    header.writeUInt16BE(ip ? 1 : 0, 6);
    header.writeUInt32BE(0, 8);
    const record = ip
      ? Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, ...ip.split('.').map(Number)])
      : Buffer.alloc(0);
    socket.send(Buffer.concat([header, query.subarray(12, end), record]), port, address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return { address: `127.0.0.1:${(socket.address() as AddressInfo).port}` };
}
