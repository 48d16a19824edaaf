/** The load generator keeps its rate whatever the answers do; its percentiles are exact. */

import { expect, test } from '@jest/globals';
import { openLoop, percentile } from '../../bench/open-loop.ts';
import { serve } from '../support/parts.ts';

test('requests leave at their time though none is answered, and each is waited for', async () => {
  const held: (() => void)[] = [];
  // A generator that waited for an answer would wait for ever.
  const server = await serve((_, response) => {
    held.push(() => response.end());
    if (held.length === 40) for (const answer of held) answer();
    else if (held.length > 40) response.end();
  });
  const load = { origin: `http://127.0.0.1:${server.endpoint.port}`, perSecond: 400, seconds: 0.125 };
  const latencies = await openLoop({ ...load, path: (n) => `/${n}` });
  expect(latencies).toHaveLength(50);
  expect(latencies).toEqual([...latencies].sort((a, b) => a - b));
  // The first ones waited for the 40th, which was due 97 ms after the first.
  expect(latencies.at(-1)).toBeGreaterThan(90);
  expect(new Set(server.requests.map(({ url }) => url)).size).toBe(50);
});

test('an answer other than 200 ends the measurement', async () => {
  const { endpoint } = await serve((_, response) => void response.writeHead(503).end());
  const load = { origin: `http://127.0.0.1:${endpoint.port}`, path: () => '/', perSecond: 10, seconds: 0.1 };
  await expect(openLoop(load)).rejects.toThrow('answered 503');
});

test('percentiles of values as they were measured', () => {
  const values = Array.from({ length: 1_000 }, (_, i) => i + 1);
  expect([percentile(values, 0.5), percentile(values, 0.99), percentile([7], 0.99)]).toEqual([500, 990, 7]);
});
