/** Pools against real servers. A primary in the place of the reader endpoint stands for write forwarding. */

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { pino } from 'pino';
import { databaseUsers } from '../../contract/variables.ts';
import { type Database, openDatabase } from '../../runtime/database.ts';
import { setVariables } from '../support/aws.ts';
import { caughtUp, databaseName, freePort, type PostgresServer, startPostgres } from '../support/postgres.ts';

const log = pino({ enabled: false });
let primary: PostgresServer;
let standby: PostgresServer;
let restore: () => void;
const opened: Database[] = [];

function open(cluster: string, reader: string): Database {
  const database = openDatabase(
    { DATABASE_HOST: cluster, DATABASE_READER_HOST: reader, DATABASE_NAME: databaseName },
    log,
    { connectTimeoutMs: 1000, statementTimeoutMs: 1000 },
  );
  opened.push(database);
  return database;
}

const where = {
  text: `SELECT inet_server_port() AS port, current_setting('apg_write_forward.consistency_mode', true) AS mode`,
};
const insert = { text: 'INSERT INTO notes DEFAULT VALUES' };

beforeAll(async () => {
  restore = setVariables({ DATABASE_TLS: 'off' });
  [primary, standby] = (await startPostgres(1)) as [PostgresServer, PostgresServer];
  const client = await primary.connect();
  await client.query(`
    CREATE ROLE ${databaseUsers.app} LOGIN;
    CREATE TABLE notes (at timestamptz DEFAULT now());
    GRANT ALL ON notes TO ${databaseUsers.app}`);
  await caughtUp(standby, primary);
});

afterAll(async () => {
  await Promise.all(opened.map((database) => database.close()));
  restore?.();
  await primary?.stop();
});

describe('in the region of the writer', () => {
  test('reads go to the reader, plainly', async () => {
    const { rows } = await open(primary.endpoint, standby.endpoint).read(where);
    expect(rows).toEqual([{ port: standby.port, mode: null }]);
  });

  test('writes go to the cluster endpoint, with forwarding asked for', async () => {
    const { rows } = await open(primary.endpoint, standby.endpoint).write(where);
    expect(rows).toEqual([{ port: primary.port, mode: 'session' }]);
  });
});

describe('in another region', () => {
  test('writes go to the reader endpoint when the cluster endpoint is read-only', async () => {
    const { rows } = await open(standby.endpoint, primary.endpoint).write(where);
    expect(rows).toEqual([{ port: primary.port, mode: 'session' }]);
  });

  test('writes go to the reader endpoint when the cluster endpoint does not answer', async () => {
    const { rows } = await open(`127.0.0.1:${await freePort()}`, primary.endpoint).write(where);
    expect(rows).toEqual([{ port: primary.port, mode: 'session' }]);
  });
});

test('a lost connection fails what it was used for, not the process', async () => {
  const database = open(primary.endpoint, standby.endpoint);
  await database.read(where);
  await database.write(where);
  for (const server of [primary, standby]) {
    await (await server.connect()).query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '${databaseUsers.app}'`,
    );
  }
  // Whether the pool has heard of it yet is a matter of chance; the second time it has.
  await database.read(where).catch(() => {});
  await database.write(where).catch(() => {});
  expect((await database.read(where)).count).toBe(1);
  expect((await database.write(insert)).count).toBe(1);
});

test('a statement may not take longer than its limit', async () => {
  await expect(
    open(primary.endpoint, standby.endpoint).read({ text: 'SELECT pg_sleep(30)' }),
  ).rejects.toThrow(/statement timeout/);
});

// Last: from here on both servers are primaries.
test('the writer is found anew after a switchover, without a restart', async () => {
  const database = open(standby.endpoint, standby.endpoint);
  await expect(database.write(insert)).rejects.toMatchObject({ code: '25006' });
  await (await standby.connect()).query('SELECT pg_promote()');
  expect((await database.write(insert)).count).toBe(1);
});
