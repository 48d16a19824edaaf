/** Route 53's health checks over real HTTP, and the name system that they and the load balancers feed. */

import { once } from 'node:events';
import { describe, expect, test } from '@jest/globals';
import { NameSystem, nameSystem } from '../../../local/name-system.ts';
import { type HealthCheckerConfig, healthChecker } from '../../../local/parts/health-checker.ts';
import { record } from '../../../local/parts/record.ts';
import { afterThisTest, freePort, runPart, serve } from '../../support/parts.ts';

const endpointCheck = (more: object = {}): HealthCheckerConfig => ({
  id: 'check-1',
  inverted: false,
  intervalMs: 20,
  kind: 'endpoint',
  host: 'eu-west-1.origin.example',
  path: '/readyz',
  failureThreshold: 2,
  ...more,
});

/** A region's load balancer behind its record; answers the given status. */
async function region(state: { status: number }) {
  const balancer = await serve((_, response) => void response.writeHead(state.status).end());
  await runPart(record, {
    record: {
      name: 'EU-west-1.origin.example.',
      type: 'A',
      alias: { name: 'lb.elb.amazonaws.com', evaluateTargetHealth: true },
    },
    graceMs: 0,
    nameServerPort: await freePort(),
  });
  return { balancer, names: { 'lb.elb.amazonaws.com': balancer.endpoint } };
}

const is = (event: string) => (one: { event: string }) => one.event === event;

describe('a check of an endpoint', () => {
  test('asks the name’s load balancer with its host, and follows it down and up', async () => {
    const state = { status: 200 };
    const { balancer, names } = await region(state);
    const part = await runPart(healthChecker, endpointCheck(), names);
    await part.event(is('healthy'));
    expect(balancer.requests[0]).toMatchObject({
      url: '/readyz',
      headers: { host: 'eu-west-1.origin.example' },
    });
    state.status = 503;
    const { detail } = await part.event(is('unhealthy'));
    expect(detail).toEqual({ detail: '503' });
    expect(nameSystem.check('check-1')).toBe(false);
    state.status = 302;
    await part.event(() => part.events.at(-1)?.event === 'healthy' && part.events.length === 3);
    expect(nameSystem.check('check-1')).toBe(true);
  });

  test('one failure below the threshold changes nothing', async () => {
    const asked: number[] = [];
    const balancer = await serve((_, response) => {
      asked.push(asked.length);
      response.writeHead(asked.length === 3 ? 503 : 200).end();
    });
    const part = await runPart(healthChecker, endpointCheck({ host: 'lb' }), { lb: balancer.endpoint });
    while (asked.length < 6) await once(balancer.server, 'request');
    expect(part.events.map(({ event }) => event)).toEqual(['healthy']);
  });

  test('an endpoint that cannot be reached, or whose name is unknown, is unhealthy', async () => {
    const port = await freePort();
    const refused = await runPart(healthChecker, endpointCheck({ host: 'lb' }), {
      lb: { host: '127.0.0.1', port },
    });
    const unknown = await runPart(healthChecker, endpointCheck({ id: 'check-2', host: 'nobody' }));
    await refused.event(is('unhealthy'));
    expect((await unknown.event(is('unhealthy'))).detail).toEqual({
      detail: "nothing is listed under 'nobody'",
    });
  });

  test('inverted, an endpoint that cannot be reached is healthy', async () => {
    const part = await runPart(healthChecker, endpointCheck({ host: 'nobody', inverted: true }));
    await part.event(is('healthy'));
  });

  test('counts as healthy until there is data, and after it is gone', async () => {
    const part = await runPart(healthChecker, endpointCheck({ host: 'nobody' }));
    expect(nameSystem.check('check-1')).toBe(true);
    await part.event(is('unhealthy'));
    await part.close();
    expect(nameSystem.check('check-1')).toBe(true);
  });
});

test('a calculated check follows its children', async () => {
  nameSystem.setCheck('a', true);
  nameSystem.setCheck('b', true);
  afterThisTest(async () => {
    for (const id of ['a', 'b']) nameSystem.dropCheck(id);
  });
  const part = await runPart(healthChecker, {
    id: 'both',
    inverted: false,
    kind: 'calculated',
    children: ['a', 'b'],
    healthThreshold: 2,
  });
  await part.event(is('healthy'));
  nameSystem.setCheck('b', false);
  expect((await part.event(is('unhealthy'))).detail).toEqual({ healthy: 1, of: 2 });
});

describe('what a load balancer says of itself', () => {
  /** Waits until the name system has heard what is expected, at most two seconds. */
  const until = async (holds: () => boolean) => {
    const deadline = Date.now() + 2_000;
    while (!holds() && Date.now() < deadline) await new Promise((resolve) => setImmediate(resolve));
    expect(holds()).toBe(true);
  };

  test('counts at once when it is good, after the grace when it is bad or the balancer is gone', async () => {
    const names = new NameSystem();
    let say = (_line: string) => {};
    const balancer = await serve((_, response) => {
      say = (line) => void response.write(line);
      say('true\n');
    });
    const unwatch = names.watch('lb', () => balancer.endpoint, 30);
    afterThisTest(async () => unwatch());
    await once(balancer.server, 'request');
    say('false\n');
    await until(() => !names.target('lb'));
    say('true\n');
    await until(() => names.target('lb'));
    await balancer.close();
    await until(() => !names.target('lb'));
  });

  test('bad news that is taken back within the grace never counts', async () => {
    const names = new NameSystem();
    const balancer = await serve((_, response) => void response.write('false\n'));
    const unwatch = names.watch('lb', () => balancer.endpoint, 60_000);
    afterThisTest(async () => unwatch());
    await once(balancer.server, 'request');
    expect(names.target('lb')).toBe(true);
  });

  test('what nobody watches is healthy', () => {
    expect(new NameSystem().target('lb')).toBe(true);
  });
});
