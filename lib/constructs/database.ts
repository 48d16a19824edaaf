/**
 * The region's Aurora PostgreSQL cluster: alone, or a member of the global cluster. The first member that joins the
 * empty global cluster becomes its writer; the others must come after it, one by one.
 */

import { CfnDeletionPolicy, type CfnResource, Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import type * as kms from 'aws-cdk-lib/aws-kms';
import * as rds from 'aws-cdk-lib/aws-rds';
import { Construct } from 'constructs';
import { type DatabaseVariables, type databaseUsers, ports } from '../../contract/variables.ts';
import { inPrimary, isGlobal, otherRegions, type Placement } from '../placement.ts';
import { acknowledge } from './acknowledge.ts';
import { logGroup } from './log-group.ts';
import type { Part } from './part.ts';
import { RegionalVpc } from './regional-vpc.ts';

/**
 * The long-term support release, the same in every region. Never raised by template in a global cluster:
 * `modify-global-cluster --engine-version` first, then this constant.
 */
const engine = rds.DatabaseClusterEngine.auroraPostgres({
  version: rds.AuroraPostgresEngineVersion.VER_17_7,
});

export interface DatabaseProps {
  readonly placement: Placement;
  readonly vpc: ec2.IVpc;
  /** The region's own key; a member of a global cluster cannot use another region's. */
  readonly key: kms.IKey;
}

export class Database extends Construct {
  readonly cluster: rds.DatabaseCluster;
  readonly #placement: Placement;

  constructor(scope: Construct, id: string, props: DatabaseProps) {
    super(scope, id);
    const { placement, vpc, key } = props;
    const { environment, names, region } = placement;
    const { database, protect } = environment;
    const primary = inPrimary(placement);
    this.#placement = placement;

    const clusterIdentifier = names.databaseCluster(region);
    const securityGroup = new ec2.SecurityGroup(this, 'SecurityGroup', {
      vpc,
      description: 'Database: from the parts of this region that are let in, one rule each',
      allowAllOutbound: false,
    });
    // Made before the cluster, which would make it without an end to its retention.
    const logs = logGroup(this, 'Logs', placement, `/aws/rds/cluster/${clusterIdentifier}/postgresql`);
    const [writer, ...readers] = this.#instances();
    this.cluster = new rds.DatabaseCluster(this, 'Resource', {
      engine,
      clusterIdentifier,
      writer: writer!,
      readers,
      vpc,
      vpcSubnets: RegionalVpc.stores,
      securityGroups: [securityGroup],
      port: ports.database,
      storageEncryptionKey: key,
      iamAuthentication: true,
      parameterGroup: new rds.ParameterGroup(this, 'Parameters', { engine, parameters: this.#parameters() }),
      backup: { retention: Duration.days(database.backupDays) },
      cloudwatchLogsExports: ['postgresql'],
      copyTagsToSnapshot: true,
      deletionProtection: protect,
      removalPolicy: protect ? RemovalPolicy.SNAPSHOT : RemovalPolicy.DESTROY,
      ...(database.size.kind === 'serverless' && {
        serverlessV2MinCapacity: database.size.minAcu,
        serverlessV2MaxCapacity: database.size.maxAcu,
      }),
      ...(primary
        ? {
            defaultDatabaseName: names.databaseName,
            credentials: rds.Credentials.fromGeneratedSecret('meridian_master', {
              secretName: names.masterSecret,
              replicaRegions: otherRegions(placement).map((name) => ({ region: name })),
            }),
          }
        : // Makes the L2 leave out the master user, which a secondary inherits; taken out again below.
          { replicationSourceIdentifier: 'inherited' }),
    });
    const cfn = this.cluster.node.defaultChild as rds.CfnDBCluster;
    cfn.addResourceDependency(logs.node.defaultChild as CfnResource);
    if (protect) cfn.cfnOptions.updateReplacePolicy = CfnDeletionPolicy.RETAIN;
    if (!primary) {
      cfn.replicationSourceIdentifier = undefined;
      this.cluster.node.tryRemoveChild('Secret');
      cfn.globalClusterIdentifier = names.globalCluster;
      // Only at a secondary's creation; after a switchover the demoted cluster is modified by the drill.
      cfn.enableGlobalWriteForwarding = true;
    } else if (isGlobal(placement)) {
      cfn.globalClusterIdentifier = new rds.CfnGlobalCluster(this, 'Global', {
        globalClusterIdentifier: names.globalCluster,
        engine: engine.engineType,
        engineVersion: engine.engineVersion!.fullVersion!,
        storageEncrypted: true,
        deletionProtection: protect,
      }).ref;
    }
    acknowledge(this, {
      RDS11:
        'The network, not an unusual port, keeps strangers away: no route and one ingress rule per client.',
      ...(!protect && { RDS10: 'This environment is meant to be destroyed; production sets protect.' }),
      ...(primary && {
        SMG4: 'Only migrations use the master user; the runbook rotates it. A global cluster cannot manage it.',
      }),
    });
  }

  /** What a task or function needs to find the database. */
  get variables(): DatabaseVariables {
    return {
      DATABASE_HOST: this.cluster.clusterEndpoint.hostname,
      DATABASE_READER_HOST: this.cluster.clusterReadEndpoint.hostname,
      DATABASE_NAME: this.#placement.names.databaseName,
    };
  }

  /** Lets a part of this region connect, signed in by IAM as one of the database's users. */
  grantConnect(part: Part, user: (typeof databaseUsers)[keyof typeof databaseUsers]): void {
    this.cluster.grantConnect(part, user);
    // Called on the client: the rule then stands in the client's stack, and no cycle arises.
    part.connections.allowTo(
      this.cluster,
      ec2.Port.tcp(ports.database),
      `Database from ${Stack.of(part).stackName}`,
    );
  }

  /** The writer first in the primary region; only readers elsewhere. */
  #instances(): rds.IClusterInstance[] {
    const { environment } = this.#placement;
    const { size, primaryReaders, secondaryReaders } = environment.database;
    const count = inPrimary(this.#placement) ? 1 + primaryReaders : secondaryReaders;
    // Numbered, not named by role: roles move at a failover, the template does not.
    const ids = Array.from({ length: count }, (_, i) => `Instance${i + 1}`);
    const common = { enablePerformanceInsights: true, autoMinorVersionUpgrade: false } as const;
    return ids.map((id, i) =>
      size.kind === 'provisioned'
        ? rds.ClusterInstance.provisioned(id, {
            ...common,
            instanceType: new ec2.InstanceType(size.instanceClass),
          })
        : // The reader next to the writer scales with it, so that it can take over at once.
          rds.ClusterInstance.serverlessV2(id, { ...common, ...(i === 1 && { scaleWithWriter: true }) }),
    );
  }

  #parameters(): Record<string, string> {
    const { size } = this.#placement.environment.database;
    return {
      'rds.force_ssl': '1',
      // Documented as the default, shipped as off: without it a secondary refuses writes.
      ...(isGlobal(this.#placement) && { 'apg_write_forward.consistency_mode': 'session' }),
      // Milliseconds. A database that may pause does so only when nobody is connected.
      ...(size.kind === 'serverless' && size.minAcu === 0 && { idle_session_timeout: '60000' }),
    };
  }
}
