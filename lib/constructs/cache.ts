/** The region's Valkey: nodes in cluster mode, or serverless, which speaks cluster mode too. */

import { ArnFormat, Stack } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as elasticache from 'aws-cdk-lib/aws-elasticache';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as kms from 'aws-cdk-lib/aws-kms';
import { Construct } from 'constructs';
import type { Cache as CacheSize } from '../../config/environment.ts';
import { type CacheVariables, ports } from '../../contract/variables.ts';
import type { Placement } from '../placement.ts';
import { acknowledge } from './acknowledge.ts';
import type { Part } from './part.ts';
import { RegionalVpc } from './regional-vpc.ts';

const engine = 'valkey';

export interface CacheProps {
  readonly placement: Placement;
  readonly vpc: ec2.IVpc;
  readonly key: kms.IKey;
}

export class Cache extends Construct {
  /** What a task or function needs to find the cache and to sign in. */
  readonly variables: CacheVariables;
  readonly #connections: ec2.Connections;
  readonly #arns: string[];

  constructor(scope: Construct, id: string, props: CacheProps) {
    super(scope, id);
    const { placement, vpc } = props;
    const { names, environment } = placement;
    const securityGroup = new ec2.SecurityGroup(this, 'SecurityGroup', {
      vpc,
      description: 'Cache: from the parts of this region that are let in, one rule each',
      allowAllOutbound: false,
    });
    this.#connections = new ec2.Connections({ securityGroups: [securityGroup] });

    // IAM sign-in wants the user's id and name to be equal.
    const userId = `${names.prefix}-app`;
    const user = new elasticache.CfnUser(this, 'User', {
      engine,
      userId,
      userName: userId,
      // All keys, channels and commands but the dangerous ones (FLUSHALL, KEYS …); INFO is the client's ready check.
      accessString: 'on ~* &* +@all -@dangerous +info',
      authenticationMode: { Type: 'iam' },
    });
    const users = new elasticache.CfnUserGroup(this, 'Users', {
      engine,
      userGroupId: names.prefix,
      userIds: [user.ref],
    });
    const where = { securityGroupId: securityGroup.securityGroupId, userGroupId: users.ref };
    const { cache } = environment;
    const host =
      cache.kind === 'nodes' ? this.#nodes(cache, props, where) : this.#serverless(cache, props, where);
    this.variables = {
      CACHE_HOST: host,
      CACHE_NAME: names.cache,
      CACHE_USER: userId,
      CACHE_KIND: cache.kind,
    };
    const resource = cache.kind === 'nodes' ? 'replicationgroup' : 'serverlesscache';
    this.#arns = [this.#arn(resource, names.cache), this.#arn('user', userId)];
    acknowledge(this, {
      AEC5: 'The network, not an unusual port, keeps strangers away: no route and one ingress rule per client.',
      AEC6: 'Clients sign in by IAM as a user of the group, which a group with a password could not ask for.',
    });
  }

  /** Lets a part of this region connect, signed in by IAM as the cache's one user. */
  grantConnect(part: Part): void {
    iam.Grant.addToPrincipal({ grantee: part, actions: ['elasticache:Connect'], resourceArns: this.#arns });
    const rule = `Cache from ${Stack.of(part).stackName}`;
    part.connections.allowTo({ connections: this.#connections }, ec2.Port.tcp(ports.cache), rule);
    if (this.variables.CACHE_KIND === 'serverless') {
      // Serverless answers reads of replicas on the next port.
      part.connections.allowTo({ connections: this.#connections }, ec2.Port.tcp(ports.cache + 1), rule);
    }
  }

  /** @returns host of the endpoint that knows all shards */
  #nodes(
    { nodeType, shards, replicasPerShard }: Extract<CacheSize, { kind: 'nodes' }>,
    { placement, vpc, key }: CacheProps,
    { securityGroupId, userGroupId }: { securityGroupId: string; userGroupId: string },
  ): string {
    const subnets = new elasticache.CfnSubnetGroup(this, 'Subnets', {
      description: 'Data subnets',
      subnetIds: vpc.selectSubnets(RegionalVpc.stores).subnetIds,
    });
    const parameters = new elasticache.CfnParameterGroup(this, 'Parameters', {
      cacheParameterGroupFamily: 'valkey8',
      description: 'Cluster mode; a full cache evicts what was used least recently',
      properties: { 'cluster-enabled': 'yes', 'maxmemory-policy': 'allkeys-lru' },
    });
    const failover = replicasPerShard > 0;
    const group = new elasticache.CfnReplicationGroup(this, 'Resource', {
      replicationGroupId: placement.names.cache,
      replicationGroupDescription: 'Cache-aside, sessions, events',
      engine,
      engineVersion: '8.2',
      cacheNodeType: nodeType,
      clusterMode: 'enabled',
      numNodeGroups: shards,
      replicasPerNodeGroup: replicasPerShard,
      // Cluster mode wants it on; without a replica it only replaces a lost node.
      automaticFailoverEnabled: true,
      multiAzEnabled: failover,
      cacheParameterGroupName: parameters.ref,
      cacheSubnetGroupName: subnets.ref,
      securityGroupIds: [securityGroupId],
      userGroupIds: [userGroupId],
      port: ports.cache,
      transitEncryptionEnabled: true,
      transitEncryptionMode: 'required',
      atRestEncryptionEnabled: true,
      kmsKeyId: key.keyArn,
      autoMinorVersionUpgrade: true,
    });
    // Otherwise another number of shards replaces the whole group.
    group.cfnOptions.updatePolicy = { useOnlineResharding: true };
    return group.attrConfigurationEndPointAddress;
  }

  #serverless(
    { maxGb }: Extract<CacheSize, { kind: 'serverless' }>,
    { placement, vpc, key }: CacheProps,
    { securityGroupId, userGroupId }: { securityGroupId: string; userGroupId: string },
  ): string {
    return new elasticache.CfnServerlessCache(this, 'Resource', {
      serverlessCacheName: placement.names.cache,
      engine,
      majorEngineVersion: '8',
      subnetIds: vpc.selectSubnets(RegionalVpc.stores).subnetIds,
      securityGroupIds: [securityGroupId],
      userGroupId,
      kmsKeyId: key.keyArn,
      // A maximum only: a minimum is billed.
      cacheUsageLimits: { dataStorage: { maximum: maxGb, unit: 'GB' } },
    }).attrEndpointAddress;
  }

  #arn(resource: string, resourceName: string): string {
    return Stack.of(this).formatArn({
      service: 'elasticache',
      resource,
      resourceName,
      arnFormat: ArnFormat.COLON_RESOURCE_NAME,
    });
  }
}
