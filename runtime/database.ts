/**
 * This region's database: a pool for local reads and a pool for writes.
 *
 * Which region has the writer is asked of the database, never configured: a switchover then needs no deploy.
 * In the writer's region writes go to the cluster endpoint; elsewhere they go to the reader endpoint, where Aurora
 * forwards them ("Using write forwarding in an Amazon Aurora global database").
 */

import pg from 'pg';
import { type Endpoint, parseEndpoint } from '../contract/endpoint.ts';
import { type DatabaseVariables, databaseUsers, ports } from '../contract/variables.ts';
import { tokenSecurity } from './database-security.ts';
import type { Logger } from './log.ts';

/** A statement; one with a name is prepared once per connection. */
export interface Statement {
  readonly name?: string;
  readonly text: string;
  readonly values?: readonly unknown[];
}

export interface Answer<R> {
  readonly rows: readonly R[];
  /** Rows that the statement touched. */
  readonly count: number;
}

export interface Database {
  /** Runs a statement on a local reader. */
  read<R extends pg.QueryResultRow>(statement: Statement): Promise<Answer<R>>;
  /** Runs one statement on the writer, forwarded when that is in another region. */
  write<R extends pg.QueryResultRow>(statement: Statement): Promise<Answer<R>>;
  close(): Promise<void>;
}

export interface DatabaseOptions {
  /** Connections of each pool at most. @default 10 */
  readonly maxConnections?: number;
  /** Milliseconds to get a connection. @default 2000 */
  readonly connectTimeoutMs?: number;
  /** Milliseconds for one statement. @default 2000 */
  readonly statementTimeoutMs?: number;
}

/**
 * What a connection must carry for its writes to be forwarded. It is set at connect, in the startup packet, so
 * that no statement ever runs without it; a database that forwards nothing takes it as an unknown setting.
 */
const forwarding = '-c apg_write_forward.consistency_mode=session';

/** SQLSTATE read_only_sql_transaction: the statement met a reader that forwards nothing, and did not run. */
const readOnly = '25006';

/** Opens the pools; connections are made on first use. */
export function openDatabase(
  variables: DatabaseVariables,
  log: Logger,
  options: DatabaseOptions = {},
): Database {
  const { maxConnections = 10, connectTimeoutMs = 2000, statementTimeoutMs = 2000 } = options;
  const reader = parseEndpoint(variables.DATABASE_READER_HOST, ports.database);
  const cluster = parseEndpoint(variables.DATABASE_HOST, ports.database);

  const open = (endpoint: Endpoint, startupOptions?: string): pg.Pool => {
    const pool = new pg.Pool({
      ...endpoint,
      database: variables.DATABASE_NAME,
      user: databaseUsers.app,
      ...tokenSecurity(endpoint, databaseUsers.app),
      ...(startupOptions && { options: startupOptions }),
      max: maxConnections,
      connectionTimeoutMillis: connectTimeoutMs,
      idleTimeoutMillis: 10_000,
      // Connections follow a changed DNS answer within this time, as after a failover.
      maxLifetimeSeconds: 300,
      statement_timeout: statementTimeoutMs,
      // A link that answers nothing must not hold a request longer than the server would.
      query_timeout: statementTimeoutMs + 500,
      keepAlive: true,
      allowExitOnIdle: true,
    });
    // An idle connection that breaks raises an event that ends the process when nobody listens.
    pool.on('error', (error) => log.warn({ host: endpoint.host, error: error.message }, 'connection lost'));
    return pool;
  };

  const readPool = open(reader);
  const clusterPool = open(cluster, forwarding);
  const forwardingPool = open(reader, forwarding);
  let writer: Promise<pg.Pool> | undefined;

  const findWriter = async (): Promise<pg.Pool> => {
    try {
      const { rows } = await clusterPool.query<{ standby: boolean }>('SELECT pg_is_in_recovery() AS standby');
      return rows[0]?.standby === false ? clusterPool : forwardingPool;
    } catch (error) {
      // A secondary region's cluster endpoint is inactive, and may not answer at all.
      if (isConnectionLoss(error)) return forwardingPool;
      throw error;
    }
  };

  const writeOnce = async <R extends pg.QueryResultRow>(statement: Statement): Promise<Answer<R>> => {
    writer ??= findWriter();
    const found = writer;
    try {
      return await run<R>(await found, statement);
    } catch (error) {
      if (writer === found && (isReadOnly(error) || isConnectionLoss(error))) writer = undefined;
      throw error;
    }
  };

  return {
    read: (statement) => run(readPool, statement),
    async write<R extends pg.QueryResultRow>(statement: Statement) {
      try {
        return await writeOnce<R>(statement);
      } catch (error) {
        if (!isReadOnly(error)) throw error;
        return await writeOnce<R>(statement);
      }
    },
    async close() {
      await Promise.all([readPool, clusterPool, forwardingPool].map((pool) => pool.end()));
    },
  };
}

async function run<R extends pg.QueryResultRow>(pool: pg.Pool, statement: Statement): Promise<Answer<R>> {
  const { rows, rowCount } = await pool.query<R>({
    ...(statement.name && { name: statement.name }),
    text: statement.text,
    values: [...(statement.values ?? [])],
  });
  return { rows, count: rowCount ?? 0 };
}

function isReadOnly(error: unknown): boolean {
  return error instanceof pg.DatabaseError && error.code === readOnly;
}

/** Whether the server went away or was never reached, in contrast to a statement that it refused. */
export function isConnectionLoss(error: unknown): boolean {
  if (!(error instanceof pg.DatabaseError)) return true;
  // Connection exceptions; shutdown, crash and start-up of the server.
  return /^(08|57P)/.test(error.code ?? '');
}
