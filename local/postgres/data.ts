/** Data directories of PostgreSQL: made new, copied from a running server, and configured. */

import { existsSync, readFileSync } from 'node:fs';
import {
  chmod,
  chown,
  copyFile,
  mkdir,
  readdir,
  readlink,
  rename,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import pg from 'pg';
import { databaseUsers } from '../../contract/variables.ts';
import type { Processes } from '../processes.ts';
import type { Binaries } from './binaries.ts';

/** A user with its password. */
export interface Login {
  readonly user: string;
  readonly password: string;
}

/** What a standby needs to follow its primary. */
export interface Upstream {
  readonly port: number;
  readonly replication: Login;
  /** Name of its replication slot on the primary, and how the primary lists it. */
  readonly slot: string;
}

/** Sign-in with a password for all but the two application roles, which use IAM tokens on AWS. */
const hostBasedAuthentication = [
  `host all ${Object.values(databaseUsers).join(',')} 127.0.0.1/32 trust`,
  'host replication all 127.0.0.1/32 scram-sha-256',
  'host all all 127.0.0.1/32 scram-sha-256',
  '',
].join('\n');

/**
 * Settings of every server. Those that a standby must not have lower than its primary are the same for all
 * ("Hot Standby", PostgreSQL documentation, section 26.4.3).
 */
const settings: Readonly<Record<string, string | number>> = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: 200,
  shared_buffers: '32MB',
  max_wal_size: '256MB',
  min_wal_size: '48MB',
  wal_level: 'replica',
  max_wal_senders: 20,
  max_replication_slots: 20,
  // A region that stays away longer than this much writing is copied anew.
  max_slot_wal_keep_size: '1GB',
  hot_standby: 'on',
  hot_standby_feedback: 'on',
  // The default of 5 s is how long a standby would wait before it asks a new primary.
  wal_retrieve_retry_interval: '200ms',
  wal_receiver_timeout: '5s',
  wal_sender_timeout: '5s',
  wal_receiver_status_interval: '1s',
  jit: 'off',
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_line_prefix: '%m [%p] ',
  password_encryption: 'scram-sha-256',
};

/** Version in a data directory, as `17`, or undefined when there is none. */
export function dataVersion(dataDir: string): string | undefined {
  const file = join(dataDir, 'PG_VERSION');
  return existsSync(file) ? readFileSync(file, 'utf8').trim() : undefined;
}

/** Throws one sentence when a data directory was made by another major version. */
export function requireVersion(dataDir: string, binaries: Binaries): void {
  const found = dataVersion(dataDir);
  const major = binaries.version.split('.')[0]!;
  if (found !== undefined && found !== major) {
    throw new Error(
      `${dataDir} holds data of PostgreSQL ${found}, expected ${major}: throw it away with --fresh, or move it`,
    );
  }
}

/** Makes an empty cluster with one superuser, whole or not at all. */
export async function initialise(
  processes: Processes,
  binaries: Binaries,
  owner: { readonly region: string; readonly resource: string },
  dataDir: string,
  superuser: Login,
): Promise<void> {
  const fresh = await emptyFolder(`${dataDir}.new`, binaries);
  const passwordFile = join(dirname(dataDir), 'initdb-password');
  await writeFile(passwordFile, superuser.password, { mode: 0o600 });
  await give(passwordFile, binaries);
  // Code-point order and UTF-8 on every machine, whatever its locales are. Nothing is worth an fsync yet.
  const locale = ['--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8', '--encoding=UTF8'];
  const initdb = processes.spawn({
    ...owner,
    unit: 'initdb',
    command: binaries.initdb,
    args: [
      `--pgdata=${fresh}`,
      `--username=${superuser.user}`,
      `--pwfile=${passwordFile}`,
      '--auth-host=scram-sha-256',
      ...locale,
      '--no-sync',
      '--no-instructions',
    ],
    cwd: dirname(dataDir),
    ...binaries.owner,
  });
  const { code, signal } = await initdb.exited;
  await rm(passwordFile, { force: true });
  if (code !== 0) {
    throw new Error(
      `initdb ended with ${signal ?? code}, expected 0: npx meridian logs ${owner.region} ${owner.resource}`,
    );
  }
  await rename(fresh, dataDir);
}

/** Writes the configuration of a server; with an upstream it follows that one. */
export async function configure(
  dataDir: string,
  binaries: Binaries,
  port: number,
  upstream?: Upstream,
): Promise<void> {
  const following: Record<string, string> = upstream
    ? {
        primary_conninfo:
          `host=127.0.0.1 port=${upstream.port} user=${upstream.replication.user} ` +
          `password=${upstream.replication.password} application_name=${upstream.slot} connect_timeout=5`,
        primary_slot_name: upstream.slot,
      }
    : {};
  const lines = Object.entries({ ...settings, port, ...following }).map(
    ([name, value]) => `${name} = '${String(value).replaceAll("'", "''")}'\n`,
  );
  await writeOwned(join(dataDir, 'postgresql.conf'), lines.join(''), binaries);
  await writeOwned(join(dataDir, 'pg_hba.conf'), hostBasedAuthentication, binaries);
  // Nothing set by ALTER SYSTEM elsewhere travels here with a copy.
  await writeOwned(join(dataDir, 'postgresql.auto.conf'), '', binaries);
}

/** Folders whose content belongs to one server ("Making an Exclusive Low-Level Backup", section 25.3.4). */
const leftBehind = new Set([
  'pg_wal',
  'pg_replslot',
  'pg_dynshmem',
  'pg_notify',
  'pg_serial',
  'pg_snapshots',
  'pg_stat_tmp',
  'pg_subtrans',
]);
const notCopied = /^(postmaster\.(pid|opts)|pg_internal\.init.*|pgsql_tmp.*|standby\.signal|backup_label.*)$/;

/**
 * Copies a running server's data directory so that the copy can follow it, whole or not at all. Keeps the WAL
 * that the copy will need in a slot.
 */
export async function copyFrom(
  primary: { readonly port: number; readonly dataDir: string; readonly superuser: Login },
  binaries: Binaries,
  dataDir: string,
  slot: string,
): Promise<void> {
  const client = await connect(primary.port, primary.superuser);
  try {
    await client.query(
      'SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = $1',
      [slot],
    );
    await client.query('SELECT pg_create_physical_replication_slot($1, true)', [slot]);
    await client.query('SELECT pg_backup_start($1, true)', [slot]);
    const fresh = await emptyFolder(`${dataDir}.new`, binaries);
    await copyTree(primary.dataDir, fresh, binaries);
    const { rows } = await client.query<{ labelfile: string }>('SELECT labelfile FROM pg_backup_stop(false)');
    await writeOwned(join(fresh, 'backup_label'), rows[0]!.labelfile, binaries);
    await writeOwned(join(fresh, 'standby.signal'), '', binaries);
    await rm(dataDir, { recursive: true, force: true });
    await rename(fresh, dataDir);
  } finally {
    await client.end();
  }
}

/** Whether the primary still keeps what a standby has not yet received. */
export async function slotIsUsable(port: number, superuser: Login, slot: string): Promise<boolean> {
  const client = await connect(port, superuser);
  try {
    const { rows } = await client.query<{ usable: boolean }>(
      `SELECT wal_status IS DISTINCT FROM 'lost' AS usable FROM pg_replication_slots WHERE slot_name = $1`,
      [slot],
    );
    return rows[0]?.usable ?? false;
  } finally {
    await client.end();
  }
}

/** A connection of the run itself. */
export async function connect(port: number, login: Login, database = 'postgres'): Promise<pg.Client> {
  const client = new pg.Client({
    host: '127.0.0.1',
    port,
    ...login,
    database,
    connectionTimeoutMillis: 5000,
  });
  // A server that stops ends its connections; whoever uses this one learns it from the query.
  client.on('error', () => {});
  await client.connect();
  return client;
}

async function copyTree(from: string, to: string, binaries: Binaries): Promise<void> {
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (notCopied.test(entry.name)) continue;
    if (entry.isDirectory()) {
      await mkdir(target, { mode: 0o700 });
      await give(target, binaries);
      if (!leftBehind.has(entry.name)) await copyTree(source, target, binaries);
      else if (entry.name === 'pg_wal') await keepFolders(target, binaries);
    } else if (entry.isSymbolicLink()) {
      await symlink(await readlink(source), target);
    } else {
      await copyOne(source, target, binaries);
    }
  }
}

async function keepFolders(wal: string, binaries: Binaries): Promise<void> {
  for (const name of ['archive_status', 'summaries']) {
    await mkdir(join(wal, name), { mode: 0o700 });
    await give(join(wal, name), binaries);
  }
}

async function copyOne(source: string, target: string, binaries: Binaries): Promise<void> {
  try {
    await copyFile(source, target);
    await give(target, binaries);
  } catch (error) {
    // A table dropped meanwhile: the WAL of the copy drops it too.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

async function emptyFolder(path: string, binaries: Binaries): Promise<string> {
  await rm(path, { recursive: true, force: true });
  await mkdir(path, { recursive: true, mode: 0o700 });
  await give(path, binaries);
  return path;
}

async function writeOwned(path: string, text: string, binaries: Binaries): Promise<void> {
  await writeFile(path, text, { mode: 0o600 });
  await chmod(path, 0o600);
  await give(path, binaries);
}

async function give(path: string, { owner }: Binaries): Promise<void> {
  if (owner) await chown(path, owner.uid, owner.gid);
}
