/** Real PostgreSQL servers for tests: a primary, and standbys that follow it. */

import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import {
  appendFileSync,
  chmodSync,
  chownSync,
  cpSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { databaseUsers } from '../../contract/variables.ts';
import { type Binaries, findBinaries } from '../../local/postgres/binaries.ts';

export const master = { username: 'master', password: randomUUID() } as const;
export const databaseName = 'meridian';

export interface PostgresServer {
  readonly port: number;
  /** `127.0.0.1:port` */
  readonly endpoint: string;
  /** Connects as the master user; ended with the server. */
  connect(database?: string): Promise<pg.Client>;
  /** Adds lines to its configuration and makes it read them. */
  configure(lines: Readonly<Record<string, string>>, files?: Readonly<Record<string, string>>): Promise<void>;
  stop(): Promise<void>;
}

/** Starts a primary with one empty database, and the given number of standbys. */
export async function startPostgres(standbys = 0): Promise<[PostgresServer, ...PostgresServer[]]> {
  const folder = mkdtempSync(join(tmpdir(), 'meridian-postgres-'));
  const binaries = findBinaries(() => folder);
  own(folder, binaries);
  const passwordFile = join(folder, 'password');
  write(passwordFile, master.password, binaries);
  await run(binaries.initdb, folder, binaries, [
    `--pgdata=${join(folder, 'primary')}`,
    `--username=${master.username}`,
    `--pwfile=${passwordFile}`,
    '--auth=scram-sha-256',
    '--locale=C',
    '--encoding=UTF8',
    '--no-sync',
    '--no-instructions',
  ]);
  write(join(folder, 'primary/pg_hba.conf'), hostBasedAuthentication, binaries);

  // Copied before the first start: a cold copy needs no backup.
  const copies = Array.from({ length: standbys }, (_, i) => join(folder, `standby-${i}`));
  for (const copy of copies) {
    cpSync(join(folder, 'primary'), copy, { recursive: true, preserveTimestamps: true });
    // PostgreSQL refuses a folder that others can read.
    chmodSync(copy, 0o700);
    ownTree(copy, binaries);
  }
  const servers: Server[] = [];
  try {
    const primary = await start(binaries, join(folder, 'primary'));
    servers.push(primary);
    const client = await primary.connect('postgres');
    await client.query(`CREATE DATABASE ${databaseName}`);
    for (const copy of copies) {
      write(join(copy, 'standby.signal'), '', binaries);
      const following = `host=127.0.0.1 port=${primary.port} user=${master.username} password=${master.password}`;
      const standby = await start(binaries, copy, { primary_conninfo: following });
      servers.push(standby);
      await caughtUp(standby, primary);
    }
  } catch (error) {
    await Promise.all(servers.map((server) => server.stop()));
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
  const first = servers[0]!;
  const stopFirst = first.stop.bind(first);
  first.stop = async () => {
    await Promise.all(servers.slice(1).map((server) => server.stop()));
    await stopFirst();
    rmSync(folder, { recursive: true, force: true });
  };
  return servers as unknown as [PostgresServer, ...PostgresServer[]];
}

/** Waits until a standby has all that its primary has now. */
export async function caughtUp(standby: PostgresServer, primary: PostgresServer): Promise<void> {
  const writer = await primary.connect('postgres');
  const { rows } = await writer.query<{ lsn: string }>('SELECT pg_current_wal_lsn() AS lsn');
  const reader = await standby.connect('postgres');
  for (let i = 0; i < 200; i++) {
    const answer = await reader.query<{ there: boolean }>('SELECT pg_last_wal_replay_lsn() >= $1 AS there', [
      rows[0]!.lsn,
    ]);
    if (answer.rows[0]!.there) return;
    await sleep(50);
  }
  throw new Error('the standby does not follow its primary');
}

/** Where tests run migrations, the application's users need no password, as in the local run. */
const hostBasedAuthentication = [
  `host all ${Object.values(databaseUsers).join(',')} 127.0.0.1/32 trust`,
  'host replication all 127.0.0.1/32 scram-sha-256',
  'host all all 127.0.0.1/32 scram-sha-256',
  '',
].join('\n');

class Server implements PostgresServer {
  readonly port: number;
  readonly #child: ChildProcess;
  readonly #folder: string;
  readonly #binaries: Binaries;
  readonly #clients: pg.Client[] = [];

  constructor(port: number, child: ChildProcess, folder: string, binaries: Binaries) {
    this.port = port;
    this.#child = child;
    this.#folder = folder;
    this.#binaries = binaries;
  }

  get endpoint(): string {
    return `127.0.0.1:${this.port}`;
  }

  async connect(database: string = databaseName): Promise<pg.Client> {
    const client = new pg.Client({
      host: '127.0.0.1',
      port: this.port,
      database,
      user: master.username,
      password: master.password,
    });
    client.on('error', () => {});
    await client.connect();
    this.#clients.push(client);
    return client;
  }

  async configure(
    lines: Readonly<Record<string, string>>,
    files: Readonly<Record<string, string>> = {},
  ): Promise<void> {
    for (const [name, text] of Object.entries(files)) write(join(this.#folder, name), text, this.#binaries);
    appendFileSync(join(this.#folder, 'postgresql.conf'), toLines(lines));
    const client = await this.connect('postgres');
    await client.query('SELECT pg_reload_conf()');
  }

  stop = async (): Promise<void> => {
    await Promise.all(this.#clients.map((client) => client.end().catch(() => {})));
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    // Fast shutdown: SIGTERM would wait for clients.
    this.#child.kill('SIGINT');
    const late = setTimeout(() => this.#child.kill('SIGKILL'), 10_000);
    await ended;
    clearTimeout(late);
  };
}

async function start(
  binaries: Binaries,
  folder: string,
  settings: Readonly<Record<string, string>> = {},
): Promise<Server> {
  const port = await freePort();
  appendFileSync(
    join(folder, 'postgresql.conf'),
    toLines({
      listen_addresses: '127.0.0.1',
      port: String(port),
      unix_socket_directories: '',
      fsync: 'off',
      // A standby may not have fewer than initdb wrote into the control file.
      max_connections: '100',
      wal_retrieve_retry_interval: '100ms',
      ...settings,
    }),
  );
  const log = `${folder}.log`;
  const child = spawn(binaries.postgres, ['-D', folder], {
    cwd: folder,
    stdio: ['ignore', 'ignore', openSync(log, 'w')],
    env: { LC_ALL: 'C' },
    ...binaries.owner,
  });
  const server = new Server(port, child, folder, binaries);
  for (let i = 0; i < 500; i++) {
    if (child.exitCode !== null) break;
    if (isReady(folder)) return server;
    await sleep(20);
  }
  await server.stop();
  throw new Error(`PostgreSQL in ${folder} did not start: ${readFileSync(log, 'utf8').slice(-1000)}`);
}

/** As pg_ctl does: the last line of the lock file says so. */
function isReady(folder: string): boolean {
  try {
    return readFileSync(join(folder, 'postmaster.pid'), 'utf8').split('\n')[7]?.trim() === 'ready';
  } catch {
    return false;
  }
}

async function run(program: string, cwd: string, binaries: Binaries, args: readonly string[]): Promise<void> {
  const child = spawn(program, args, {
    cwd,
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { LC_ALL: 'C' },
    ...binaries.owner,
  });
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code !== 0) throw new Error(`${program} ended with ${code}`);
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

const toLines = (settings: Readonly<Record<string, string>>): string =>
  Object.entries(settings)
    .map(([name, value]) => `${name} = '${value}'\n`)
    .join('');

function write(path: string, text: string, binaries: Binaries): void {
  writeFileSync(path, text, { mode: 0o600 });
  own(path, binaries);
}

function own(path: string, { owner }: Binaries): void {
  if (owner) chownSync(path, owner.uid, owner.gid);
}

function ownTree(path: string, binaries: Binaries): void {
  own(path, binaries);
  for (const entry of readdirSync(path, { recursive: true })) own(join(path, String(entry)), binaries);
}
