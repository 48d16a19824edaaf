import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import pg from 'pg';
import { databaseUsers } from '../../contract/variables.ts';
import { connectMaster } from '../../lambda/migrate/connect.ts';
import { migrate } from '../../lambda/migrate/migrate.ts';
import { type Migration, readMigrations } from '../../lambda/migrate/migrations.ts';
import { setVariables } from '../support/aws.ts';
import { databaseName, freePort, master, type PostgresServer, startPostgres } from '../support/postgres.ts';

const shipped = await readMigrations(resolve(import.meta.dirname, '../../db/migrations'));
const later: Migration = { version: shipped.length + 1, name: 'later', sql: 'CREATE TABLE later (id int)' };
const broken: Migration = {
  version: shipped.length + 2,
  name: 'broken',
  sql: 'CREATE TABLE half (id int); SELECT 1 / 0',
};

let primary: PostgresServer;
let standby: PostgresServer;
let restore: () => void;

beforeAll(async () => {
  [primary, standby] = (await startPostgres(1)) as [PostgresServer, PostgresServer];
  restore = setVariables({ DATABASE_TLS: 'off' });
});

afterAll(async () => {
  restore?.();
  await primary?.stop();
});

describe('the shipped migrations', () => {
  test('wait in vain on a read-only server that nobody migrates, and say where to go', async () => {
    await expect(migrate(await standby.connect(), shipped, { waitMs: 300, pollMs: 100 })).rejects.toThrow(
      `this region's database is read-only and has schema version 0, expected ${shipped.length}: ` +
        'run migrate in the region that has the writer, then again here',
    );
  });

  test('are applied once by two that run at the same time, and arrive where a third waits', async () => {
    await (await primary.connect()).query('CREATE ROLE rds_iam');
    const reports = await Promise.all([
      migrate(await primary.connect(), shipped),
      migrate(await primary.connect(), shipped),
      migrate(await standby.connect(), shipped, { waitMs: 20_000, pollMs: 50 }),
    ]);
    const all = shipped.map(({ version }) => version);
    expect(reports.map(({ version }) => version)).toEqual([shipped.length, shipped.length, shipped.length]);
    expect(reports.slice(0, 2).flatMap(({ applied }) => applied)).toEqual(all);
    expect(reports[2]!.applied).toEqual([]);
  });

  test('are not applied again', async () => {
    expect(await migrate(await primary.connect(), shipped)).toEqual({ version: shipped.length, applied: [] });
  });

  test('make the users members of the role that signs in with IAM', async () => {
    const { rows } = await (await primary.connect()).query<{ user: string; member: boolean }>(
      `SELECT rolname AS user, pg_has_role(oid, 'rds_iam', 'MEMBER') AS member
       FROM pg_roles WHERE rolname = ANY($1) ORDER BY 1`,
      [Object.values(databaseUsers)],
    );
    expect(rows).toEqual([
      { user: databaseUsers.app, member: true },
      { user: databaseUsers.migrator, member: true },
    ]);
  });

  test('let the application write pictures and not the schema version', async () => {
    const app = new pg.Client({
      host: '127.0.0.1',
      port: primary.port,
      database: databaseName,
      user: databaseUsers.app,
    });
    await app.connect();
    try {
      await app.query('SELECT version FROM schema_version');
      await app.query('DELETE FROM images');
      await expect(app.query('DELETE FROM schema_version')).rejects.toThrow(/permission denied/);
      await expect(app.query('CREATE TABLE mine (id int)')).rejects.toThrow(/permission denied/);
    } finally {
      await app.end();
    }
  });
});

test('a migration that fails leaves nothing of itself and all before it', async () => {
  const client = await primary.connect();
  await expect(migrate(client, [...shipped, later, broken])).rejects.toThrow(
    `migration ${broken.version} (broken) failed and was rolled back: division by zero`,
  );
  const { rows } = await client.query(
    `SELECT max(version) AS version, to_regclass('half') AS half FROM schema_version`,
  );
  expect(rows).toEqual([{ version: later.version, half: null }]);
});

describe('connecting', () => {
  const variables = async (host: string) => ({
    DATABASE_HOST: host,
    DATABASE_READER_HOST: standby.endpoint,
    DATABASE_NAME: databaseName,
  });
  const nobody = async () => `127.0.0.1:${await freePort()}`;

  test('takes a reader where the cluster endpoint does not answer', async () => {
    const client = await connectMaster(await variables(await nobody()), master);
    const { rows } = await client.query('SELECT pg_is_in_recovery() AS standby');
    await client.end();
    expect(rows).toEqual([{ standby: true }]);
  });

  test('gives up at once when the password is refused', async () => {
    const wrong = { ...master, password: 'wrong' };
    await expect(connectMaster(await variables(primary.endpoint), wrong)).rejects.toThrow(/password/);
  });

  test('gives up in the end when nobody answers', async () => {
    const host = await nobody();
    const nowhere = { ...(await variables(host)), DATABASE_READER_HOST: host };
    await expect(connectMaster(nowhere, master, 100)).rejects.toThrow(
      /no database answered within 0.1 s: .*ECONNREFUSED/,
    );
  });
});

describe('files', () => {
  const inFolder = async (names: readonly string[]) => {
    const folder = mkdtempSync(join(tmpdir(), 'meridian-migrations-'));
    try {
      for (const name of names) writeFileSync(join(folder, name), 'SELECT 1');
      return await readMigrations(folder);
    } finally {
      rmSync(folder, { recursive: true });
    }
  };

  test('are read in order', async () => {
    expect((await inFolder(['0002-b.sql', '0001-a.sql'])).map(({ name }) => name)).toEqual(['a', 'b']);
  });

  test.each([
    [['0001-a.sql', '0003-c.sql'], "got migration '0003-c.sql', expected 0002-<name>.sql"],
    [['notes.txt'], "got migration 'notes.txt', expected 0001-<name>.sql"],
  ])('%j are refused', async (names, message) => {
    await expect(inFolder(names)).rejects.toThrow(message);
  });
});
