/** Brings a database to the latest schema version, or waits until it has it. */

import { setTimeout as sleep } from 'node:timers/promises';
import pg, { type ClientBase } from 'pg';
import { schemaVersionTable } from '../../contract/schema.ts';
import type { Migration } from './migrations.ts';
import { ensureRoles } from './roles.ts';

export interface MigrateOptions {
  /** Milliseconds to wait, where the database is not writable, for what another region applies. @default 60000 */
  readonly waitMs?: number;
  /** Milliseconds between looks. @default 1000 */
  readonly pollMs?: number;
}

export interface MigrateReport {
  /** Version of the schema now. */
  readonly version: number;
  /** Versions applied by this call. */
  readonly applied: readonly number[];
}

/** Any number: the same for every migration of this database, so that only one runs at a time. */
const advisoryLock = 20_260_101;

/**
 * Applies what is missing where the database is writable; elsewhere waits for it to arrive by replication.
 * @param client connected as the master user
 * @throws Error that names the writer's region when what is missing does not arrive in time
 */
export async function migrate(
  client: ClientBase,
  migrations: readonly Migration[],
  options: MigrateOptions = {},
): Promise<MigrateReport> {
  const { rows } = await client.query<{ standby: boolean }>('SELECT pg_is_in_recovery() AS standby');
  if (rows[0]?.standby) return waitFor(client, migrations.length, options);

  // Ends with the connection, whatever happens.
  await client.query("SET lock_timeout = '60s'");
  await client.query('SELECT pg_advisory_lock($1)', [advisoryLock]);
  try {
    return await apply(client, migrations);
  } finally {
    await client.query('SELECT pg_advisory_unlock($1)', [advisoryLock]);
  }
}

async function apply(client: ClientBase, migrations: readonly Migration[]): Promise<MigrateReport> {
  // A statement that waits for a lock makes everybody behind it wait: rather fail, and be run again.
  await client.query("SET lock_timeout = '10s'");
  await client.query(`
    CREATE TABLE IF NOT EXISTS ${schemaVersionTable} (
      version    integer     PRIMARY KEY,
      name       text        NOT NULL,
      applied_at timestamptz NOT NULL DEFAULT now()
    )`);
  const before = await versionOf(client);
  const missing = migrations.filter((migration) => migration.version > before);
  for (const migration of missing) await applyOne(client, migration);
  await ensureRoles(client);
  return {
    version: Math.max(before, migrations.length),
    applied: missing.map((migration) => migration.version),
  };
}

async function applyOne(client: ClientBase, { version, name, sql }: Migration): Promise<void> {
  await client.query('BEGIN');
  try {
    await client.query(sql);
    await client.query(`INSERT INTO ${schemaVersionTable} (version, name) VALUES ($1, $2)`, [version, name]);
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK');
    throw new Error(`migration ${version} (${name}) failed and was rolled back: ${(error as Error).message}`);
  }
}

async function waitFor(client: ClientBase, target: number, options: MigrateOptions): Promise<MigrateReport> {
  const { waitMs = 60_000, pollMs = 1000 } = options;
  const until = performance.now() + waitMs;
  for (;;) {
    const version = await versionOf(client);
    if (version >= target) return { version, applied: [] };
    if (performance.now() + pollMs > until) {
      throw new Error(
        `this region's database is read-only and has schema version ${version}, expected ${target}: ` +
          `run migrate in ${await writerRegion(client)}, then again here`,
      );
    }
    await sleep(pollMs);
  }
}

/** 0 before the first migration. */
async function versionOf(client: ClientBase): Promise<number> {
  try {
    const { rows } = await client.query<{ version: number }>(
      `SELECT coalesce(max(version), 0)::int AS version FROM ${schemaVersionTable}`,
    );
    return rows[0]?.version ?? 0;
  } catch (error) {
    if (error instanceof pg.DatabaseError && error.code === undefinedTable) return 0;
    throw error;
  }
}

/** SQLSTATE undefined_table. */
const undefinedTable = '42P01';

/** Only Aurora's global databases know it. */
async function writerRegion(client: ClientBase): Promise<string> {
  try {
    const { rows } = await client.query<{ region: string }>(
      `SELECT aws_region AS region FROM aurora_global_db_instance_status() WHERE session_id = 'MASTER_SESSION_ID'`,
    );
    return rows[0]?.region ?? 'the region that has the writer';
  } catch {
    return 'the region that has the writer';
  }
}
