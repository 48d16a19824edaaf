/** The load balancer over real HTTP: health checks, choice of target, draining, and the errors it answers itself. */

import { get } from 'node:http';
import { createServer } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import type { Endpoint } from '../../../contract/endpoint.ts';
import type { TargetGroupConfig } from '../../../local/balancer/target-group.ts';
import { type LoadBalancerConfig, loadBalancer } from '../../../local/parts/load-balancer.ts';
import { afterThisTest, ask, echoUpgrades, freePort, runPart, serve, talk } from '../../support/parts.ts';

const group = (targets: Readonly<Record<string, Endpoint>>, more: Partial<TargetGroupConfig> = {}) => ({
  algorithm: 'round_robin' as const,
  deregistrationDelayMs: 60_000,
  healthCheck: {
    path: '/healthz',
    intervalMs: 20,
    timeoutMs: 1_000,
    healthyThreshold: 2,
    unhealthyThreshold: 2,
    matcher: '200-204',
  },
  targets: Object.entries(targets).map(([id, endpoint]) => ({ id, endpoint })),
  ...more,
});

const config = async (
  targets: TargetGroupConfig,
  more: Partial<LoadBalancerConfig> = {},
): Promise<LoadBalancerConfig> => ({
  watchPort: await freePort(),
  idleTimeoutMs: 5_000,
  clientKeepAliveMs: 60_000,
  listeners: [
    {
      arn: 'listener',
      localPort: await freePort(),
      protocol: 'HTTPS',
      port: 443,
      fallback: { kind: 'forward', groups: [{ targetGroup: 'group', weight: 1 }] },
      rules: [],
    },
  ],
  targetGroups: { group: targets },
  ...more,
});

const portOf = ({ listeners }: LoadBalancerConfig) => listeners[0]!.localPort;
const healthy = (target: string) => (one: { event: string; detail: Record<string, unknown> }) =>
  one.event === 'healthy' && one.detail['target'] === target;

/** A target that says its name, and is healthy while `state.healthy`. */
async function target(name: string, state = { healthy: true }) {
  return serve((request, response) => {
    if (request.url === '/healthz') response.writeHead(state.healthy ? 200 : 503).end();
    else response.end(name);
  });
}

/** A target that keeps requests until told. */
async function slowTarget() {
  const arrived = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  const server = await serve((request, response) => {
    if (request.url === '/healthz') {
      response.end();
      return;
    }
    arrived.resolve();
    void release.promise.then(() => response.end('late'));
  });
  return { server, arrived: arrived.promise, release: () => release.resolve() };
}

describe('forwarding', () => {
  test('a target learns who asked and how; hop-by-hop headers stay behind', async () => {
    const one = await target('one');
    const settings = await config(group({ one: one.endpoint }));
    const part = await runPart(loadBalancer, settings);
    await part.event(healthy('one'));
    const { status, body } = await ask(portOf(settings), '/a?b=c', {
      method: 'POST',
      headers: {
        host: 'origin.example',
        'x-forwarded-for': '192.0.2.1',
        connection: 'x-private',
        'x-private': '1',
      },
      body: 'hello',
    });
    expect({ status, body }).toEqual({ status: 200, body: 'one' });
    const seen = one.requests.find(({ url }) => url === '/a?b=c')!;
    expect(seen.headers).toMatchObject({
      host: 'origin.example',
      'x-forwarded-for': '192.0.2.1, 127.0.0.1',
      'x-forwarded-proto': 'https',
      'x-forwarded-port': '443',
      'x-amzn-trace-id': expect.stringMatching(/^Root=1-[0-9a-f]{8}-[0-9a-f]{24}$/),
    });
    expect(seen.headers['x-private']).toBeUndefined();
  });

  test('headers with a name that servers read differently stay behind, where the template says so', async () => {
    const one = await target('one');
    const settings = await config(group({ one: one.endpoint }), { dropInvalidHeaders: true });
    const part = await runPart(loadBalancer, settings);
    await part.event(healthy('one'));
    await ask(portOf(settings), '/seen', { headers: { x_viewer_address: '192.0.2.1', 'x-kept': '1' } });
    const { headers } = one.requests.find(({ url }) => url === '/seen')!;
    expect(headers['x-kept']).toBe('1');
    expect(headers['x_viewer_address']).toBeUndefined();
  });

  test('every Set-Cookie header and the status text arrive', async () => {
    const one = await serve((_, response) => {
      response.writeHead(201, 'Made', [
        ['set-cookie', 'a=1'],
        ['set-cookie', 'b=2'],
      ] as never);
      response.end();
    });
    const settings = await config(group({ one: one.endpoint }, { healthCheck: anyStatus }));
    const part = await runPart(loadBalancer, settings);
    await part.event(healthy('one'));
    const { status, headers } = await ask(portOf(settings), '/');
    expect({ status, cookies: headers['set-cookie'] }).toEqual({ status: 201, cookies: ['a=1', 'b=2'] });
  });

  test('an event stream passes line by line', async () => {
    const stream = Promise.withResolvers<NodeJS.WritableStream>();
    const one = await serve((request, response) => {
      if (request.url === '/healthz') response.end();
      else {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.flushHeaders();
        stream.resolve(response);
      }
    });
    const settings = await config(group({ one: one.endpoint }));
    const part = await runPart(loadBalancer, settings);
    await part.event(healthy('one'));
    const answer = await new Promise<NodeJS.ReadableStream>((resolve) => {
      get({ host: '127.0.0.1', port: portOf(settings), path: '/events', agent: false }, resolve);
    });
    for (const line of ['data: 1\n\n', 'data: 2\n\n']) {
      const heard = new Promise((resolve) => answer.once('data', (chunk) => resolve(String(chunk))));
      (await stream.promise).write(line);
      expect(await heard).toBe(line);
    }
  });

  test('a WebSocket passes in both directions', async () => {
    const one = await target('one');
    echoUpgrades(one);
    const settings = await config(group({ one: one.endpoint }));
    const part = await runPart(loadBalancer, settings);
    await part.event(healthy('one'));
    const upgrade = ['GET /ws HTTP/1.1', 'Host: a', 'Connection: Upgrade', 'Upgrade: websocket', '', 'hello'];
    expect(await talk(portOf(settings), upgrade, 'HELLO')).toMatch(/^HTTP\/1.1 101 .*HELLO$/s);
  });

  test('a connection that is older than the client keep-alive ends with its next answer', async () => {
    const one = await target('one');
    const settings = await config(group({ one: one.endpoint }), { clientKeepAliveMs: 0 });
    const part = await runPart(loadBalancer, settings);
    await part.event(healthy('one'));
    const lines = ['GET / HTTP/1.1', 'Host: a', '', ''];
    expect(await talk(portOf(settings), lines, 'one')).toMatch(/connection: close/i);
  });

  test('a rule decides before the default, and a fixed answer needs no target', async () => {
    const base = await config(group({}));
    const settings = {
      ...base,
      listeners: [
        {
          ...base.listeners[0]!,
          fallback: { kind: 'fixed-response' as const, status: 403, body: 'no' },
          rules: [
            {
              priority: 1,
              conditions: [{ field: 'http-header' as const, name: 'x-verify', values: ['secret'] }],
              action: base.listeners[0]!.fallback,
            },
          ],
        },
      ],
    };
    await runPart(loadBalancer, settings);
    expect(await ask(portOf(settings), '/')).toMatchObject({ status: 403, body: 'no' });
    expect((await ask(portOf(settings), '/', { headers: { 'x-verify': 'SECRET' } })).status).toBe(503);
  });
});

const anyStatus = { ...group({}).healthCheck, matcher: '200-599' };

describe('health', () => {
  test('requests go round the healthy targets only', async () => {
    const [one, two, sick] = await Promise.all([
      target('one'),
      target('two'),
      target('sick', { healthy: false }),
    ]);
    const endpoints = { one: one.endpoint, two: two.endpoint, sick: sick.endpoint };
    const settings = await config(group(endpoints));
    const part = await runPart(loadBalancer, settings);
    await Promise.all([part.event(healthy('one')), part.event(healthy('two'))]);
    const bodies = [];
    for (let i = 0; i < 4; i++) bodies.push((await ask(portOf(settings), '/')).body);
    expect(bodies.sort()).toEqual(['one', 'one', 'two', 'two']);
  });

  test('a target turns unhealthy after its threshold and healthy again; with none healthy all are asked', async () => {
    const state = { healthy: true };
    const one = await target('one', state);
    const settings = await config(group({ one: one.endpoint }));
    const part = await runPart(loadBalancer, settings);
    await part.event(healthy('one'));
    state.healthy = false;
    await part.event(({ event }) => event === 'unhealthy');
    expect((await ask(portOf(settings), '/')).body).toBe('one');
    state.healthy = true;
    await part.event(() => part.events.filter(({ event }) => event === 'healthy').length === 2);
  });

  test('least outstanding requests avoids the busy target', async () => {
    const slow = await slowTarget();
    const two = await target('two');
    const settings = await config(
      group({ slow: slow.server.endpoint, two: two.endpoint }, { algorithm: 'least_outstanding_requests' }),
    );
    const part = await runPart(loadBalancer, settings);
    await Promise.all([part.event(healthy('slow')), part.event(healthy('two'))]);
    const held = ask(portOf(settings), '/');
    await slow.arrived;
    const bodies = [];
    for (let i = 0; i < 3; i++) bodies.push((await ask(portOf(settings), '/')).body);
    slow.release();
    expect([await held.then(({ body }) => body), ...bodies]).toEqual(['late', 'two', 'two', 'two']);
  });

  test('a target that fails far more often than the others gets a tenth of its share, until it recovers', async () => {
    let failing = true;
    const asked = { one: 0, two: 0, sick: 0 };
    const counted = (name: keyof typeof asked) =>
      serve((request, response) => {
        if (request.url === '/healthz') return void response.end();
        asked[name] += 1;
        response.writeHead(name === 'sick' && failing ? 500 : 200).end();
      });
    const [one, two, sick] = await Promise.all([counted('one'), counted('two'), counted('sick')]);
    const targets = { one: one.endpoint, two: two.endpoint, sick: sick.endpoint };
    const settings = await config(group(targets, { algorithm: 'weighted_random', anomalyMitigation: true }));
    const part = await runPart(loadBalancer, settings);
    await Promise.all(Object.keys(targets).map((id) => part.event(healthy(id))));
    const port = portOf(settings);
    while (asked.sick < 10) await ask(port, '/');
    asked.sick = 0;
    for (let i = 0; i < 200; i++) await ask(port, '/');
    // An even share would be 67 of them; this one is 10 on average.
    expect(asked.sick).toBeLessThan(40);
    failing = false;
    // What it gets still is enough to show that it has recovered.
    for (let i = 0; i < 5_000 && asked.sick < 200; i++) await ask(port, '/');
    const before = asked.sick;
    for (let i = 0; i < 200; i++) await ask(port, '/');
    expect(asked.sick - before).toBeGreaterThan(40);
  });

  test('a target that has just become healthy gets little at first, where slow start is set', async () => {
    const state = { healthy: false };
    const [one, late] = await Promise.all([target('one'), target('late', state)]);
    const targets = { one: one.endpoint, late: late.endpoint };
    const settings = await config(group(targets, { slowStartMs: 3_600_000 }));
    const part = await runPart(loadBalancer, settings);
    await part.event(healthy('one'));
    state.healthy = true;
    await part.event(healthy('late'));
    const bodies = [];
    for (let i = 0; i < 40; i++) bodies.push((await ask(portOf(settings), '/')).body);
    expect(bodies.filter((body) => body === 'late').length).toBeLessThan(5);
    await part.update!({
      ...settings,
      targetGroups: { group: group(targets) },
    });
    const even = [];
    for (let i = 0; i < 40; i++) even.push((await ask(portOf(settings), '/')).body);
    expect(even.filter((body) => body === 'late')).toHaveLength(20);
  });

  test('whoever watches the balancer hears of every change', async () => {
    const state = { healthy: true };
    const one = await target('one', state);
    const settings = await config(group({ one: one.endpoint }));
    const lines: string[] = [];
    const heard = Promise.withResolvers<void>();
    const part = await runPart(loadBalancer, settings);
    const watch = get({ host: '127.0.0.1', port: settings.watchPort, agent: false }, (answer) => {
      answer.on('data', (chunk) => {
        lines.push(...String(chunk).trim().split('\n'));
        if (lines.includes('true') && lines.at(-1) === 'false') heard.resolve();
      });
      answer.on('error', () => undefined);
    });
    watch.on('error', () => undefined);
    await part.event(healthy('one'));
    state.healthy = false;
    await heard.promise;
    watch.destroy();
  });
});

describe('a target that is taken out', () => {
  test('gets no new requests, and is drained when its last one has ended', async () => {
    const slow = await slowTarget();
    const settings = await config(group({ slow: slow.server.endpoint }));
    const part = await runPart(loadBalancer, settings);
    await part.event(healthy('slow'));
    const held = ask(portOf(settings), '/');
    await slow.arrived;
    await part.update!({ ...settings, targetGroups: { group: group({}) } });
    expect((await ask(portOf(settings), '/')).status).toBe(503);
    let drained = false;
    const leaving = Promise.resolve(part.call!('drained', { targetGroup: 'group', target: 'slow' })).then(
      () => {
        drained = true;
      },
    );
    await ask(portOf(settings), '/');
    expect(drained).toBe(false);
    slow.release();
    expect((await held).body).toBe('late');
    await leaving;
  });

  test('has its requests cut when the deregistration delay is over', async () => {
    const slow = await slowTarget();
    const settings = await config(group({ slow: slow.server.endpoint }));
    const part = await runPart(loadBalancer, settings);
    await part.event(healthy('slow'));
    const held = ask(portOf(settings), '/');
    await slow.arrived;
    await part.update!({ ...settings, targetGroups: { group: group({}, { deregistrationDelayMs: 10 }) } });
    await expect(held).rejects.toThrow();
    await part.call!('drained', { targetGroup: 'group', target: 'slow' });
    slow.release();
  });
});

describe('errors of the balancer itself', () => {
  const statusFor = async (endpoint: Endpoint, more: Partial<LoadBalancerConfig> = {}) => {
    const settings = await config(group({ one: endpoint }), more);
    await runPart(loadBalancer, settings);
    return ask(portOf(settings), '/');
  };

  test('503 without a target, in the words of the real one', async () => {
    const settings = await config(group({}));
    await runPart(loadBalancer, settings);
    expect(await ask(portOf(settings), '/')).toMatchObject({
      status: 503,
      headers: { server: 'awselb/2.0' },
      body: expect.stringContaining('503 Service Temporarily Unavailable'),
    });
    expect((await ask(portOf(settings), '/', { method: 'HEAD' })).body).toBe('');
  });

  test('502 when nothing listens', async () => {
    expect((await statusFor({ host: '127.0.0.1', port: await freePort() })).status).toBe(502);
  });

  test('502 when the connection closes before an answer, or what comes is not HTTP', async () => {
    const raw = async (answer: string) => {
      const server = createServer((socket) => {
        socket.on('error', () => undefined);
        socket.once('data', () => socket.end(answer));
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      afterThisTest(() => new Promise((resolve) => server.close(resolve)));
      return server.address() as { port: number };
    };
    for (const answer of ['', 'nonsense\r\n\r\n']) {
      const { port } = await raw(answer);
      expect((await statusFor({ host: '127.0.0.1', port })).status).toBe(502);
    }
  });

  test('504 when the target is silent for the idle timeout', async () => {
    const silent = await serve(() => undefined);
    expect((await statusFor(silent.endpoint, { idleTimeoutMs: 50 })).status).toBe(504);
  });

  test('a body that breaks off breaks off for the client too', async () => {
    const torn = await serve((_, response) => {
      response.writeHead(200, { 'content-length': 100 });
      response.write('half', () => response.destroy());
    });
    await expect(statusFor(torn.endpoint)).rejects.toThrow();
  });
});

test('a port that is in use is named', async () => {
  const other = await serve((_, response) => void response.end());
  const settings = await config(group({}), { watchPort: other.endpoint.port });
  await expect(runPart(loadBalancer, settings)).rejects.toThrow(
    `port ${other.endpoint.port} of 127.0.0.1 is in use by another program`,
  );
});
