/** AWS::RDS::DBInstance: one PostgreSQL server of a cluster, the writer or a streaming replica. */

import { arnOf, physicalName } from '../arn.ts';
import {
  configure,
  connect,
  copyFrom,
  dataVersion,
  initialise,
  requireVersion,
  slotIsUsable,
} from '../postgres/data.ts';
import { postgresServer } from '../postgres/server.ts';
import type { Activity, Declared, ResourceModule, Site, Unit } from '../resource.ts';
import type { Supervised } from '../supervised.ts';
import type { DatabaseCluster } from './db-cluster.ts';

const listingOf = ({ region, logicalId }: Declared) => `${region}/${logicalId}`;

export class DatabaseInstance implements Activity {
  readonly #declared: Declared;
  readonly #site: Site;
  #server: Supervised | undefined;
  #lagMs: number | undefined;
  #asking = false;

  constructor(declared: Declared, site: Site) {
    this.#declared = declared;
    this.#site = site;
  }

  /** Address-book name of the server. */
  get listing(): string {
    return listingOf(this.#declared);
  }

  get port(): number {
    return this.#site.book.list(this.listing).port;
  }

  get cluster(): DatabaseCluster {
    return this.#site.peer<DatabaseCluster>(this.#declared.require<string>('DBClusterIdentifier'));
  }

  get role(): 'writer' | 'reader' | 'not run' {
    const { writer, servers } = this.cluster;
    if (writer === this) return 'writer';
    return servers.includes(this) ? 'reader' : 'not run';
  }

  async start(): Promise<void> {
    if (this.role === 'not run') return;
    this.#server ??= this.#makeServer();
    await this.#server.start();
    if (this.role === 'writer') await this.#prepareDatabase();
  }

  async stop(): Promise<void> {
    await this.#server?.stop();
  }

  units(): readonly Unit[] {
    return this.#server ? [this.#server.unit('0')] : [];
  }

  /** Kills the server, which comes back by itself, as a database instance does. */
  async stopUnit(): Promise<void> {
    await this.#server?.kill();
  }

  /** The lag is that of the last time somebody asked, so that nothing is measured while nobody looks. */
  describe(): Readonly<Record<string, unknown>> {
    const role = this.role;
    if (role === 'not run')
      return { role, reason: 'one replica stands for all instances of a secondary region' };
    if (role === 'writer') return { role };
    void this.#measureLag();
    return { role, ...(this.#lagMs !== undefined && { lagMs: this.#lagMs }) };
  }

  #makeServer(): Supervised {
    const { region, logicalId } = this.#declared;
    const { processes, events } = this.#site;
    const dataDir = this.cluster.dataDir(logicalId);
    return postgresServer({
      processes,
      binaries: this.cluster.binaries,
      region,
      resource: logicalId,
      dataDir,
      port: this.port,
      prepare: () => this.#prepare(dataDir),
      emit: (event, detail) => events.emit(region, logicalId, event, { role: this.role, ...detail }),
    });
  }

  async #prepare(dataDir: string): Promise<void> {
    const { binaries, primary, replication } = this.cluster;
    requireVersion(dataDir, binaries);
    if (this.role === 'writer') {
      const owner = { region: this.#declared.region, resource: this.#declared.logicalId };
      if (dataVersion(dataDir) === undefined) {
        await initialise(this.#site.processes, binaries, owner, dataDir, primary.master);
      }
      return configure(dataDir, binaries, this.port);
    }
    const { writer } = this.cluster;
    if (!(await this.#canFollow(dataDir))) {
      this.#site.events.emit(this.#declared.region, this.#declared.logicalId, 'copying', {
        from: writer.listing,
      });
      await copyFrom(
        {
          port: writer.port,
          dataDir: primary.dataDir(writer.#declared.logicalId),
          superuser: primary.master,
        },
        binaries,
        dataDir,
        this.#slot,
      );
    }
    await configure(dataDir, binaries, this.port, { port: writer.port, replication, slot: this.#slot });
  }

  /** Whether the data here can go on from where it is. While the writer is away it serves what it has. */
  async #canFollow(dataDir: string): Promise<boolean> {
    if (dataVersion(dataDir) === undefined) return false;
    const { writer, primary } = this.cluster;
    if (!writer.#server?.running) return true;
    return slotIsUsable(writer.port, primary.master, this.#slot);
  }

  /** Slot names are lower-case letters, digits and underscores. */
  get #slot(): string {
    return this.listing.toLowerCase().replace(/[^a-z0-9]/g, '_');
  }

  /** The template's database and the user that standbys follow as; both may exist from an earlier start. */
  async #prepareDatabase(): Promise<void> {
    const { primary, replication } = this.cluster;
    const { databaseName, master } = primary;
    const client = await connect(this.port, master).catch((error: Error & { code?: string }) => {
      // 28P01: invalid_password.
      if (error.code !== '28P01') throw error;
      throw new Error(
        `the data of ${this.listing} was made with another master password than the secret now has: ` +
          'throw it away with --fresh',
      );
    });
    try {
      const { user, password } = replication;
      const exists = async (sql: string, value: string) => (await client.query(sql, [value])).rowCount === 1;
      if (!(await exists('SELECT 1 FROM pg_roles WHERE rolname = $1', user))) {
        await client.query(`CREATE ROLE ${user} LOGIN REPLICATION`);
      }
      await client.query(`ALTER ROLE ${user} PASSWORD ${client.escapeLiteral(password)}`);
      if (!(await exists('SELECT 1 FROM pg_database WHERE datname = $1', databaseName))) {
        await client.query(`CREATE DATABASE ${client.escapeIdentifier(databaseName)}`);
      }
    } finally {
      await client.end();
    }
  }

  async #measureLag(): Promise<void> {
    if (this.#asking || !this.#server?.running) return;
    this.#asking = true;
    try {
      const { writer, primary } = this.cluster;
      const client = await connect(writer.port, primary.master);
      const { rows } = await client
        .query<{ ms: number }>(
          `SELECT coalesce(extract(epoch FROM replay_lag) * 1000, 0)::float8 AS ms
             FROM pg_stat_replication WHERE application_name = $1`,
          [this.#slot],
        )
        .finally(() => client.end());
      this.#lagMs = rows[0]?.ms;
    } catch {
      this.#lagMs = undefined;
    } finally {
      this.#asking = false;
    }
  }
}

export const dbInstance: ResourceModule<DatabaseInstance> = {
  type: 'AWS::RDS::DBInstance',
  identify(declared, { book, account }) {
    const name = physicalName(declared, 'DBInstanceIdentifier');
    const { port } = book.list(listingOf(declared));
    return {
      ref: name,
      attributes: {
        DBInstanceArn: arnOf('rds', declared.region, account, `db:${name}`),
        'Endpoint.Address': `127.0.0.1:${port}`,
        'Endpoint.Port': String(port),
      },
    };
  },
  run: (declared, site) => new DatabaseInstance(declared, site),
};
