/** A global database of three regions: writer, local reader, two streaming replicas, and their endpoints. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import pg from 'pg';
import { databaseUsers } from '../../contract/variables.ts';
import { dbCluster } from '../../local/resources/db-cluster.ts';
import { dbInstance } from '../../local/resources/db-instance.ts';
import { globalCluster } from '../../local/resources/global-cluster.ts';
import { type SmallRun, type SmallStack, smallRun } from '../support/small-run.ts';

const modules = [globalCluster, dbCluster, dbInstance];
const [home, near, far] = ['us-east-1', 'eu-west-1', 'ap-southeast-1'] as const;

const instance = { Type: 'AWS::RDS::DBInstance', Properties: { DBClusterIdentifier: { Ref: 'Db' } } };
const secondary = (region: string, dependencies: string[], forwards = true): SmallStack => ({
  region,
  dependencies,
  resources: {
    Db: {
      Type: 'AWS::RDS::DBCluster',
      Properties: {
        DBClusterIdentifier: `db-${region}`,
        GlobalClusterIdentifier: 'global',
        ...(forwards && { EnableGlobalWriteForwarding: true }),
      },
    },
    Instance1: instance,
    Instance2: { ...instance, DependsOn: ['Instance1'] },
  },
});

const stacks: Record<string, SmallStack> = {
  [`${home}-data`]: {
    region: home,
    resources: {
      Global: { Type: 'AWS::RDS::GlobalCluster', Properties: { GlobalClusterIdentifier: 'global' } },
      Db: {
        Type: 'AWS::RDS::DBCluster',
        Properties: {
          GlobalClusterIdentifier: { Ref: 'Global' },
          EngineVersion: '17.7',
          DatabaseName: 'meridian',
          MasterUsername: 'boss',
          MasterUserPassword: "it's a secret",
        },
      },
      Instance1: instance,
      Instance2: { ...instance, DependsOn: ['Instance1'] },
    },
  },
  [`${near}-data`]: secondary(near, [`${home}-data`]),
  [`${far}-data`]: secondary(far, [`${home}-data`], false),
};

const forwarding = '-c apg_write_forward.consistency_mode=session';
const clients: pg.Client[] = [];

/** Connects to an endpoint as the application does. */
async function open(run: SmallRun, region: string, endpoint: 'Endpoint' | 'ReadEndpoint', options?: string) {
  const [host, port] = run.attribute(`${region}-data`, 'Db', `${endpoint}.Address`).split(':');
  const client = new pg.Client({
    host: host!,
    port: Number(port),
    user: databaseUsers.app,
    database: 'meridian',
    connectionTimeoutMillis: 5000,
    ...(options && { options }),
  });
  client.on('error', () => {});
  await client.connect();
  clients.push(client);
  return client;
}

async function value<T>(client: pg.Client, sql: string): Promise<T> {
  return Object.values((await client.query({ text: sql })).rows[0])[0] as T;
}

const serverPort = (client: pg.Client) => value<number>(client, 'SELECT inet_server_port()');

/** Asks again until a replica has what was written elsewhere. */
async function eventually<T>(ask: () => Promise<T>, wanted: T, withinMs = 10_000): Promise<void> {
  const last = Date.now() + withinMs;
  let found = await ask().catch(() => undefined);
  while (found !== wanted && Date.now() < last) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    found = await ask().catch(() => undefined);
  }
  expect(found).toEqual(wanted);
}

async function asMaster(run: SmallRun, sql: string): Promise<void> {
  const [host, port] = run.attribute(`${home}-data`, 'Db', 'Endpoint.Address').split(':');
  const client = new pg.Client({
    host: host!,
    port: Number(port),
    user: 'boss',
    password: "it's a secret",
    database: 'meridian',
  });
  await client.connect();
  await client.query(sql).finally(() => client.end());
}

describe('a global database', () => {
  let run: SmallRun;

  beforeAll(async () => {
    run = await smallRun(stacks, { modules });
    await run.run.start();
    await asMaster(
      run,
      `CREATE ROLE ${databaseUsers.app} LOGIN; CREATE ROLE ${databaseUsers.migrator} LOGIN;
       CREATE TABLE note (id int PRIMARY KEY, text text); GRANT ALL ON note TO ${databaseUsers.app};`,
    );
  }, 60_000);

  afterAll(async () => {
    await Promise.all(clients.map((client) => client.end().catch(() => {})));
    await run?.close();
  }, 30_000);

  test('writes in its first region and is read everywhere', async () => {
    const writer = await open(run, home, 'Endpoint');
    expect(await value(writer, 'SHOW server_version')).toMatch(/^17\.7/);
    expect(await value(writer, 'SELECT pg_is_in_recovery()')).toBe(false);
    await writer.query("INSERT INTO note VALUES (1, 'one')");
    for (const region of [home, near, far]) {
      await eventually(async () => {
        const reader = await open(run, region, 'ReadEndpoint');
        expect(await value(reader, 'SELECT pg_is_in_recovery()')).toBe(true);
        return value(reader, 'SELECT text FROM note WHERE id = 1');
      }, 'one');
    }
  }, 30_000);

  test('takes no write at a replica, through either endpoint of another region', async () => {
    for (const endpoint of ['Endpoint', 'ReadEndpoint'] as const) {
      const client = await open(run, near, endpoint);
      await expect(client.query("INSERT INTO note VALUES (99, 'lost')")).rejects.toMatchObject({
        code: '25006',
      });
    }
  });

  test('forwards connections whose options ask for it, only where the cluster forwards', async () => {
    const writer = await serverPort(await open(run, home, 'Endpoint'));
    const forwarded = await open(run, near, 'ReadEndpoint', forwarding);
    expect(await serverPort(forwarded)).toBe(writer);
    await forwarded.query("INSERT INTO note VALUES (2, 'forwarded')");
    expect(await serverPort(await open(run, far, 'ReadEndpoint', forwarding))).not.toBe(writer);
    const off = await open(run, near, 'ReadEndpoint', '-c apg_write_forward.consistency_mode=off');
    expect(await serverPort(off)).not.toBe(writer);
  });

  test('runs one replica for all instances of another region, and says so', () => {
    const { resources } = run.run.report({} as never);
    const units = resources
      .filter(({ type }) => type === 'AWS::RDS::DBInstance')
      .map(({ units }) => units.length);
    expect(units).toEqual([1, 1, 1, 0, 1, 0]);
    const second = resources.find(
      ({ stack, logicalId }) => stack === `${near}-data` && logicalId === 'Instance2',
    );
    expect(second?.describe).toMatchObject({ role: 'not run' });
  });

  test('says who writes, and how far the others are behind', async () => {
    const described = (region: string, id: string) =>
      run.run.report({} as never).resources.find((one) => one.region === region && one.logicalId === id)!
        .describe;
    expect(described(home, 'Instance1')).toEqual({ role: 'writer' });
    for (const [region, id] of [
      [home, 'Instance2'],
      [far, 'Instance1'],
    ] as const) {
      await eventually(async () => typeof described(region, id)['lagMs'], 'number');
      expect(described(region, id)).toMatchObject({ role: 'reader' });
    }
  });

  test('asks everybody but the application for a password', async () => {
    const [host, port] = run.attribute(`${home}-data`, 'Db', 'Endpoint.Address').split(':');
    for (const user of ['boss', 'meridian_replication']) {
      const client = new pg.Client({
        host: host!,
        port: Number(port),
        user,
        password: 'wrong',
        database: 'meridian',
      });
      await expect(client.connect()).rejects.toMatchObject({ code: '28P01' });
    }
  });

  test('passes on a request to cancel', async () => {
    const client = await open(run, near, 'ReadEndpoint');
    const { processID, secretKey } = client as unknown as { processID: number; secretKey: number };
    const sleeping = expect(client.query('SELECT pg_sleep(30)')).rejects.toMatchObject({ code: '57014' });
    const other = await open(run, near, 'ReadEndpoint');
    await eventually(
      () => value(other, `SELECT state FROM pg_stat_activity WHERE pid = ${processID}`),
      'active',
    );
    const [host, port] = run.attribute(`${near}-data`, 'Db', 'ReadEndpoint.Address').split(':');
    const cancel = new pg.Connection({} as never) as pg.Connection & {
      connect(port: number, host: string): void;
      cancel(processID: number, secretKey: number): void;
    };
    cancel.on('connect', () => cancel.cancel(processID, secretKey));
    cancel.on('error', () => {});
    cancel.connect(Number(port), host!);
    await sleeping;
  }, 20_000);

  test('brings a killed writer back with everything that was committed', async () => {
    const { lastEvent } = run.run.report({} as never);
    const writer = await open(run, home, 'Endpoint');
    await writer.query("INSERT INTO note VALUES (3, 'committed')");
    await run.run.stopUnit(home, 'Instance1', '0');
    await run.event(
      ({ region, resource, event }) => region === home && resource === 'Instance1' && event === 'accepting',
      lastEvent,
    );
    expect(await value(await open(run, home, 'Endpoint'), 'SELECT text FROM note WHERE id = 3')).toBe(
      'committed',
    );
    await asMaster(run, "INSERT INTO note VALUES (4, 'after')");
    await eventually(
      async () => value(await open(run, far, 'ReadEndpoint'), 'SELECT text FROM note WHERE id = 4'),
      'after',
    );
  }, 40_000);

  test('answers 57P03 while no server of an endpoint runs, and the local reader endpoint falls back to the writer', async () => {
    await run.run.stopResource(near, 'Instance1');
    await expect(open(run, near, 'ReadEndpoint')).rejects.toMatchObject({ code: '57P03' });
    await run.run.stopResource(home, 'Instance2');
    expect(await value(await open(run, home, 'ReadEndpoint'), 'SELECT pg_is_in_recovery()')).toBe(false);
    await asMaster(run, "INSERT INTO note VALUES (5, 'meanwhile')");
    await run.run.startResource(near, 'Instance1');
    await run.run.startResource(home, 'Instance2');
    await eventually(
      async () => value(await open(run, near, 'ReadEndpoint'), 'SELECT text FROM note WHERE id = 5'),
      'meanwhile',
    );
  }, 40_000);

  test('goes on in every region after its first was lost and came back', async () => {
    await run.run.stopRegion(home);
    const reader = await open(run, far, 'ReadEndpoint');
    expect(await value(reader, 'SELECT text FROM note WHERE id = 1')).toBe('one');
    await expect(open(run, near, 'ReadEndpoint', forwarding)).rejects.toMatchObject({ code: '57P03' });
    await run.run.startRegion(home);
    await (await open(run, near, 'ReadEndpoint', forwarding)).query("INSERT INTO note VALUES (7, 'back')");
    for (const region of [home, near, far]) {
      await eventually(
        async () => value(await open(run, region, 'ReadEndpoint'), 'SELECT text FROM note WHERE id = 7'),
        'back',
      );
    }
  }, 40_000);

  test('copies a replica anew whose place in the stream is lost', async () => {
    await run.run.stopResource(far, 'Instance1');
    const { lastEvent } = run.run.report({} as never);
    await eventually(async () => {
      await asMaster(run, "SELECT pg_drop_replication_slot('ap_southeast_1_instance1')");
      return 'dropped';
    }, 'dropped');
    await run.run.startResource(far, 'Instance1');
    await run.event(({ region, event }) => region === far && event === 'copying', lastEvent);
    await asMaster(run, "INSERT INTO note VALUES (6, 'copied')");
    await eventually(
      async () => value(await open(run, far, 'ReadEndpoint'), 'SELECT text FROM note WHERE id = 6'),
      'copied',
    );
  }, 40_000);
});

describe('over a restart', () => {
  const { Instance2: _, ...resources } = stacks[`${home}-data`]!.resources;
  const small: Record<string, SmallStack> = { [`${home}-data`]: { region: home, resources } };
  let run: SmallRun;

  beforeAll(async () => {
    run = await smallRun(small, { modules });
    await run.run.start();
    await asMaster(run, "CREATE TABLE kept (text text); INSERT INTO kept VALUES ('kept')");
    await run.close('keep');
  }, 60_000);

  afterAll(() => run?.close(), 30_000);

  test('the data is there again, under the same address', async () => {
    const address = run.attribute(`${home}-data`, 'Db', 'Endpoint.Address');
    run = await smallRun(small, { modules, stateDir: run.stateDir });
    await run.run.start();
    expect(run.attribute(`${home}-data`, 'Db', 'Endpoint.Address')).toBe(address);
    await asMaster(run, 'INSERT INTO kept SELECT * FROM kept');
    await run.close('keep');
  }, 30_000);

  test('data of another version is refused in one sentence', async () => {
    run = await smallRun(small, { modules, stateDir: run.stateDir });
    const dataDir = join(run.processes.dataDir(home, 'Instance1'), 'data');
    writeFileSync(join(dataDir, 'PG_VERSION'), '16\n');
    await expect(run.run.start()).rejects.toThrow(/holds data of PostgreSQL 16, expected 17.*--fresh/);
  }, 30_000);
});

test('an engine version that is not the one here is refused with both named', async () => {
  const db = stacks[`${home}-data`]!.resources['Db']!;
  const run = await smallRun(
    {
      data: {
        region: home,
        resources: {
          Db: {
            ...db,
            Properties: { ...db.Properties, GlobalClusterIdentifier: 'g', EngineVersion: '18.1' },
          },
        },
      },
    },
    { modules },
  );
  await expect(run.run.start()).rejects.toThrow(/got EngineVersion 18\.1, expected 17\.7/);
  await run.close();
}, 30_000);
