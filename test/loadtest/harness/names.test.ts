/** k6's three traps in a failover: its DNS cache, kept connections, and long timeouts. Any one hides the move. */

import { once } from 'node:events';
import { expect, jest, test } from '@jest/globals';
import { nameServer } from './name-server.ts';
import { scriptFolder, serve, tryScript } from './scripts.ts';

// Threads start slowly on a busy machine.
jest.setTimeout(60_000);

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
      dns: names,
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
    { dns: names },
  );
  expect(ended.verdicts.map(({ ok }) => ok)).toEqual([true, true]);
});
