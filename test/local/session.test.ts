import { existsSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, test } from '@jest/globals';
import type { Template } from '../../local/assembly.ts';
import { ControlClient } from '../../local/control-client.ts';
import { dataRoot } from '../../local/data-root.ts';
import { isRunning, startOf } from '../../local/process-identity.ts';
import { read } from '../../local/run-file.ts';
import { Session, type SessionOptions } from '../../local/session.ts';
import type { RunReport } from '../../local/state.ts';
import { type StackFixture, temporaryFolder, writeAssembly } from '../support/assembly.ts';
import { fakeResources, type Note } from '../support/fake-resources.ts';

const project = temporaryFolder();
const notes: Note[] = [];
const sessions: Session[] = [];

/** Two regions; the second one's stack waits for the first's. */
const stacks = (value: unknown = 1): StackFixture[] => [
  {
    id: 'us-east-1-data',
    region: 'us-east-1',
    template: {
      Resources: {
        First: { Type: 'Test::Noted', Properties: { Value: value } },
        Link: { Type: 'Test::Named', Properties: { To: { Ref: 'First' } } },
        Last: { Type: 'Test::Noted', DependsOn: 'Link' },
        Worker: { Type: 'Test::Process' },
      },
    },
  },
  {
    id: 'eu-west-1-data',
    region: 'eu-west-1',
    dependencies: ['us-east-1-data'],
    template: {
      Resources: {
        First: { Type: 'Test::Noted', Properties: { Peer: 'first' } },
        Service: { Type: 'Test::Rolling', Properties: { Value: value } },
        Worker: { Type: 'Test::Process' },
      },
    },
  },
];

/** The same with other resources in the second region. */
const stacksWith = (resources: Template['Resources']): StackFixture[] => {
  const [first, second] = stacks();
  return [first!, { ...second!, template: { Resources: resources } }];
};

async function open(fixture: readonly StackFixture[], more: Partial<SessionOptions> = {}): Promise<Session> {
  const session = await Session.open({
    project,
    environment: 'local',
    port: 0,
    modules: fakeResources(notes),
    synthesize: async ({ outdir }) => writeAssembly(outdir, fixture),
    ...more,
  });
  sessions.push(session);
  return session;
}

async function start(
  fixture: readonly StackFixture[] = stacks(),
  more: Partial<SessionOptions> = {},
): Promise<Session> {
  const session = await open(fixture, more);
  await session.start();
  return session;
}

const did = (what: string) => notes.filter((note) => note.what === what).map(({ id }) => id);
const states = ({ resources }: RunReport) =>
  Object.fromEntries(resources.map(({ region, logicalId, state }) => [`${region}/${logicalId}`, state]));

afterEach(async () => {
  await Promise.all(sessions.splice(0).map((session) => session.end()));
  notes.length = 0;
});
afterAll(() => rmSync(dataRoot(join(project, '.meridian/local')), { recursive: true, force: true }));

describe('a run', () => {
  test('starts in the order of the template, stops in the reverse, and leaves no process', async () => {
    const session = await start();
    expect(did('start')).toEqual([
      'us-east-1/First',
      'us-east-1/Last',
      'eu-west-1/First',
      'eu-west-1/Service',
    ]);
    const state = session.state();
    expect(Object.values(states(state))).toEqual(Array(6).fill('running'));
    expect(state).toMatchObject({
      phase: 'ready',
      regions: ['us-east-1', 'eu-west-1'],
      leftOut: { 'Test::Named': 1 },
    });
    const pids = state.resources.flatMap(({ units }) => units.map(({ pid }) => pid!));
    const hosts = state.hosts.map(({ pid }) => pid!);
    expect(hosts).toHaveLength(3);
    const started = [...pids, ...hosts].map((pid) => [pid, startOf(pid)] as const);
    await session.end();
    await session.ended;
    expect(did('stop').slice(-2)).toEqual(['us-east-1/Last', 'us-east-1/First']);
    expect(new Set(did('stop').slice(0, 2))).toEqual(new Set(['eu-west-1/First', 'eu-west-1/Service']));
    expect(started.filter(([pid, at]) => isRunning(pid, at))).toEqual([]);
    expect(read(session.stateRoot)).toBeUndefined();
  });

  test('says stack, resource and reason of what fails, and stops what had started', async () => {
    const broken = stacksWith({ Bad: { Type: 'Test::Noted', Properties: { Fail: 'no luck' } } });
    const session = await open(broken);
    await expect(session.start()).rejects.toThrow(
      /^eu-west-1-data, Bad \(Test::Noted\) did not start: no luck \(npx meridian logs eu-west-1 Bad may show more\)$/,
    );
    expect(states(session.state())['eu-west-1/Bad']).toBe('failed');
    await session.end();
    expect(did('stop')).toEqual(['eu-west-1/Bad', 'us-east-1/Last', 'us-east-1/First']);
  });

  test('a mistake in a template is the whole message', async () => {
    const broken = stacksWith({ Bad: { Type: 'Test::Noted', Properties: { Value: { Ref: 'Wrong' } } } });
    const session = await open(broken);
    await expect(session.start()).rejects.toThrow(
      new Error(
        "eu-west-1-data, Bad (Test::Noted), Properties.Value: Ref 'Wrong': no such resource in stack eu-west-1-data",
      ),
    );
  });

  test('keeps addresses and data over a restart, unless it is told to start afresh', async () => {
    const first = await start();
    const site = first.state().addresses.site;
    const data = join(first.run.site('eu-west-1').processes.dataDir('eu-west-1', 'X'), 'kept');
    writeFileSync(data, 'x');
    await first.end();
    const second = await start();
    expect(second.state().addresses.site).toBe(site);
    expect(existsSync(data)).toBe(true);
    await second.end();
    const third = await start(stacks(), { fresh: true });
    expect(existsSync(data)).toBe(false);
    await third.end();
    // Without the state folder the data's passwords are gone: it is of no use.
    writeFileSync(join(third.run.site('eu-west-1').processes.dataDir('eu-west-1', 'X'), 'kept'), 'x');
    rmSync(third.stateDir, { recursive: true });
    await start();
    expect(existsSync(data)).toBe(false);
  });
});

describe('one sentence for', () => {
  test('a second start beside the first', async () => {
    const session = await start();
    await expect(open(stacks())).rejects.toThrow(
      new RegExp(
        `^Meridian already runs here: environment 'local' at ${session.state().addresses.site}, process ${process.pid}, .*npx meridian stop`,
      ),
    );
  });

  test('a port in use', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as AddressInfo;
    try {
      const session = await open(stacks(), { port });
      await expect(session.start()).rejects.toThrow(
        `port ${port} is in use by another program: choose another, as npm start -- --port ${port + 1}`,
      );
    } finally {
      other.close();
    }
  });

  test('a state folder outside the project, and an environment that is no name', async () => {
    await expect(open(stacks(), { stateRoot: '/tmp/elsewhere' })).rejects.toThrow(/expected one inside/);
    await expect(open(stacks(), { environment: '../x' })).rejects.toThrow(/expected a name of config/);
  });
});

describe('the control interface', () => {
  test('stops and starts a resource, a unit and a region', async () => {
    const session = await start();
    const { client } = ControlClient.of(session.stateRoot);
    const after = await client.stopResource('us-east-1', 'Last');
    await client.startResource('us-east-1', 'las');
    const started = await client.waitFor(
      ({ resource, event }) => resource === 'Last' && event === 'started',
      after,
    );
    expect(started.id).toBeGreaterThan(after);

    await client.stopUnit('us-east-1', 'Worker', '0');
    const worker = (await client.state()).resources.find(
      ({ region, type }) => region === 'us-east-1' && type === 'Test::Process',
    )!;
    expect(worker).toMatchObject({ describe: { mood: 'calm' }, units: [{ id: '0', state: 'stopped' }] });

    await client.stopRegion('eu-west-1');
    const lost = await client.state();
    expect(states(lost)).toMatchObject({
      'us-east-1/First': 'running',
      'eu-west-1/First': 'stopped',
      'eu-west-1/Service': 'stopped',
      'eu-west-1/Worker': 'stopped',
    });
    expect(lost.hosts.map(({ region, alive }) => [region, alive])).toEqual([
      ['us-east-1', true],
      ['eu-west-1', false],
      ['edge', true],
    ]);
    await client.startRegion('eu-west-1');
    expect(states(await client.state())['eu-west-1/Service']).toBe('running');
  });

  test('says what it got and expected', async () => {
    const { client } = ControlClient.of((await start()).stateRoot);
    await expect(client.stopResource('us-east-1', 'Frist')).rejects.toThrow(
      "got 'Frist', expected a resource that runs in us-east-1; did you mean 'First'?: First, Last, Worker",
    );
    await expect(client.stopRegion('mars')).rejects.toThrow(
      "got region 'mars', expected one of: us-east-1, eu-west-1, edge",
    );
    await expect(client.stopUnit('us-east-1', 'Worker', '7')).rejects.toThrow(
      "got unit '7' of Worker, expected one of: 0",
    );
    await expect(client.waitFor(() => false, 0, 50)).rejects.toThrow(
      /no such event within 50 ms.*us-east-1 First started/s,
    );
  });

  test('admits only its own host name, no foreign origin, and who knows the token', async () => {
    const session = await start();
    const { address, token } = read(session.stateRoot)!;
    expect(statSync(join(session.stateRoot, 'run.json')).mode & 0o777).toBe(0o600);
    const { port } = new URL(address!);
    const ask = (headers: Record<string, string>): Promise<number> =>
      new Promise((resolve, reject) => {
        request({ port, path: '/state', headers }, (response) => {
          response.resume();
          resolve(response.statusCode!);
        })
          .on('error', reject)
          .end();
      });
    const authorization = `Bearer ${token}`;
    expect(await ask({ authorization })).toBe(200);
    expect(await ask({ authorization, host: `localhost:${port}`, origin: `http://localhost:${port}` })).toBe(
      200,
    );
    expect(await ask({ authorization, host: `evil.example:${port}` })).toBe(421);
    expect(await ask({ authorization, origin: 'https://evil.example' })).toBe(403);
    expect(await ask({ authorization, origin: 'null' })).toBe(403);
    expect(await ask({})).toBe(401);
    expect(await ask({ authorization: `${authorization}x` })).toBe(401);
  });

  test('ends the run', async () => {
    const session = await start();
    await ControlClient.of(session.stateRoot).client.stop();
    await session.ended;
    expect(() => ControlClient.of(session.stateRoot)).toThrow(/nothing runs here/);
  });
});

describe('a change of the code', () => {
  test('restarts only what it touches, without an outage where that is possible', async () => {
    const current = { stacks: stacks() };
    mkdirSync(join(project, 'web'), { recursive: true });
    const session = await start(current.stacks, {
      watch: true,
      synthesize: async ({ outdir }) => writeAssembly(outdir, current.stacks),
    });
    const { client } = ControlClient.of(session.stateRoot);
    const change = async (event: string) => {
      notes.length = 0;
      const last = session.events.last;
      writeFileSync(join(project, 'web/file.ts'), String(last));
      return client.waitFor((one) => one.event === event, last, 5_000);
    };
    current.stacks = stacks(2);
    expect((await change('restarted')).detail).toEqual({
      resources: ['us-east-1/First', 'eu-west-1/Service'],
    });
    expect(notes.map(({ id, what, value }) => `${id} ${what} ${value}`)).toEqual([
      'us-east-1/First stop 2',
      'us-east-1/First start 2',
      'eu-west-1/Service update 2',
    ]);

    current.stacks = [stacks(2)[0]!];
    expect((await change('restart needed')).detail!['reason']).toMatch(
      /- eu-west-1-data\/Service \(Test::Rolling\)/,
    );
    expect(notes).toEqual([]);

    current.stacks = undefined as never;
    await change('build failed');
    expect(states(session.state())['eu-west-1/Service']).toBe('running');
  });
});
