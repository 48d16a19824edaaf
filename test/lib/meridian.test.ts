/** The stacks of an environment: which there are, in what order, and what decides whether they work together. */

import { describe, expect, test } from '@jest/globals';
import { Stack } from 'aws-cdk-lib';
import { environments } from '../../config/environments.ts';
import { failoverChain, geographies } from '../../config/geography.ts';
import { headers, timeouts } from '../../contract/http.ts';
import { type Properties, type Synthesized, synthesize } from '../support/synth.ts';

const production = synthesize('production');
const dev = synthesize('dev');
const regions = environments['production']!.regions.map((entry) => entry.name);
const [primary, second, third] = regions as [string, string, string];

/** Ids of the stacks that a stack waits for, however many steps away. */
function ancestors(synthesized: Synthesized, id: string): Set<string> {
  const found = new Set<string>();
  const visit = (of: string): void => {
    const stack = synthesized.assembly.stacks.find((candidate) => candidate.id === of)!;
    for (const dependency of stack.dependencies) {
      if (found.has(dependency)) continue;
      found.add(dependency);
      visit(dependency);
    }
  };
  visit(id);
  return found;
}

/** The values of a record by name, type and set identifier, as `name A primary`. */
function records(synthesized: Synthesized, stack: string): Map<string, Properties> {
  return new Map(
    synthesized
      .of(stack, 'AWS::Route53::RecordSet')
      .map(({ properties }) => [
        [properties['Name'], properties['Type'], properties['SetIdentifier']].filter(Boolean).join(' '),
        properties,
      ]),
  );
}

/** Attributes of a load balancer or a target group by their keys. */
function attributesOf(list: readonly Properties[]): Record<string, string> {
  return Object.fromEntries(list.map(({ Key, Value }) => [Key, Value]));
}

/** What the distribution sends, what load balancers accept, and which secrets exist at a revision. */
function originSecrets(originSecretRevision: number) {
  const synthesized = synthesize({ ...environments['demo']!, originSecretRevision });
  const named = (value: unknown): string[] => [
    ...new Set(
      [...JSON.stringify(value).matchAll(/secretsmanager:(meridian-test-origin-\d+):/g)].map(
        ([, name]) => name!,
      ),
    ),
  ];
  return {
    synthesized,
    sent: named(synthesized.resources('edge')),
    accepted: ['us-east-1', 'eu-west-1'].map((region) => named(synthesized.resources(`${region}-service`))),
    existing: synthesized
      .of('us-east-1-data', 'AWS::SecretsManager::Secret')
      .map(({ properties }): string => properties['Name'])
      .filter((name) => name.includes('-origin-')),
  };
}

describe('the map', () => {
  test('production has every stack of every region, and two for all', () => {
    const kinds = ['network', 'data', 'assets', 'service', 'mesh'];
    expect(production.ids.sort()).toEqual(
      [...regions.flatMap((region) => kinds.map((kind) => `${region}-${kind}`)), 'edge', 'routing'].sort(),
    );
    expect(production.assembly.stacks.map((stack) => stack.name)).toContain(
      'meridian-production-eu-west-1-data',
    );
  });

  test('one region without a domain has neither routing nor mesh', () => {
    expect(dev.ids.sort()).toEqual(
      ['edge', ...['network', 'data', 'assets', 'service'].map((kind) => `us-east-1-${kind}`)].sort(),
    );
  });

  test('the global stacks are in us-east-1, the others in their region', () => {
    for (const { id, region } of production.assembly.stacks) {
      expect(`${id} ${region}`).toBe(
        `${id} ${['edge', 'routing'].includes(id) ? 'us-east-1' : id.replace(/-[a-z]+$/, '')}`,
      );
    }
  });

  test('secondaries join the database one by one, after the primary', () => {
    expect(ancestors(production, `${second}-data`)).toContain(`${primary}-data`);
    expect(ancestors(production, `${third}-data`)).toContain(`${second}-data`);
    expect(ancestors(production, `${primary}-data`)).not.toContain(`${second}-data`);
  });

  test('a release is in every region before a service names it, and the schema before a secondary serves', () => {
    for (const region of regions) {
      const waits = ancestors(production, `${region}-service`);
      for (const other of regions) expect(waits).toContain(`${other}-assets`);
      if (region !== primary) expect(waits).toContain(`${primary}-service`);
    }
  });

  test('mesh, routing and edge come after what they name', () => {
    for (const region of regions) {
      for (const other of regions) {
        expect(ancestors(production, `${region}-mesh`)).toContain(`${other}-service`);
        expect(ancestors(production, `${region}-mesh`)).toContain(`${other}-data`);
      }
      expect(ancestors(production, 'routing')).toContain(`${region}-service`);
    }
    expect(ancestors(production, 'edge')).toContain('routing');
    expect(ancestors(dev, 'edge')).toContain('us-east-1-service');
  });

  test('nothing is looked up and nothing crosses a region by reference', () => {
    expect(production.app.synth().manifest.missing).toBeUndefined();
    expect(dev.app.synth().manifest.missing).toBeUndefined();
    for (const { stack, region, resource } of production.all()) {
      for (const [, other] of JSON.stringify(resource).matchAll(
        /"Fn::GetStackOutput":\{"StackName":"[^"]+","Region":"([^"]+)"/g,
      )) {
        expect(`${stack} ${other}`).toBe(`${stack} ${region}`);
      }
    }
    expect(production.all().filter(({ resource }) => /CrossRegion/.test(resource.Type))).toEqual([]);
  });
});

describe('a fourth region is one entry', () => {
  const base = environments['production']!;
  const four = synthesize({
    ...base,
    regions: [...base.regions, { name: 'sa-east-1', cidr: '10.3.0.0/16' }],
    worker: { ...base.worker, engine: 'embedded' },
  });
  const names = [...regions, 'sa-east-1'];

  test('every stack follows', () => {
    for (const kind of ['network', 'data', 'assets', 'service', 'mesh']) {
      expect(four.ids).toContain(`sa-east-1-${kind}`);
    }
    expect(ancestors(four, 'sa-east-1-data')).toContain(`${third}-data`);
  });

  test('every chain has a level more, and South America has its home', () => {
    const found = records(four, 'routing');
    for (const home of names) {
      for (const level of [1, 2, 3]) {
        expect(found.has(`${home}-${level}.geo.example.com. AAAA secondary`)).toBe(true);
      }
    }
    expect(found.get('origin.example.com. A continent-SA')!['AliasTarget']['DNSName']).toBe(
      'sa-east-1-1.geo.example.com',
    );
  });

  test('every mesh and the edge know it', () => {
    for (const region of regions) {
      const topics = four
        .of(`${region}-mesh`, 'AWS::SNS::Subscription')
        .map(({ properties }) => properties['Region']);
      expect(topics).toContain('sa-east-1');
      expect(JSON.stringify(four.the(`${region}-mesh`, 'Custom::BucketReplication'))).toContain(
        'media-111111111111-sa-east-1-an',
      );
    }
    expect(four.of('sa-east-1-mesh', 'AWS::SNS::Subscription')).toHaveLength(3);
    const { CacheBehaviors } = four.the('edge', 'AWS::CloudFront::Distribution')['DistributionConfig'];
    expect(CacheBehaviors.map((behavior: Properties) => behavior['PathPattern'])).toContain(
      '/media/sa-east-1/*',
    );
  });
});

describe('network', () => {
  test('subnets are in zones by id, so that they are the same zones in every account', () => {
    const subnets = production
      .of('us-east-1-network', 'AWS::EC2::Subnet')
      .map(({ properties }) => properties);
    expect(subnets).toHaveLength(9);
    expect(new Set(subnets.map((subnet) => subnet['AvailabilityZoneId']))).toEqual(
      new Set(['use1-az1', 'use1-az2', 'use1-az4']),
    );
    for (const subnet of subnets) {
      expect(subnet).not.toHaveProperty('AvailabilityZone');
      expect(subnet).toHaveProperty('Ipv6CidrBlock');
    }
  });

  test('NAT gateways by choice', () => {
    const gateways = (synthesized: Synthesized) =>
      synthesized.of('us-east-1-network', 'AWS::EC2::NatGateway').length;
    expect(gateways(production)).toBe(3);
    expect(gateways(dev)).toBe(0);
  });

  test('the environment that only runs here is refused by CloudFormation, the others are not', () => {
    const rules = (synthesized: Synthesized) =>
      Object.keys(
        (synthesized.assembly.stacks[0]!.template as { Rules?: Record<string, unknown> }).Rules ?? {},
      );
    expect(rules(production)).not.toContain('LocalOnly');
    expect(rules(synthesize({ ...environments['dev']!, localOnly: true }))).toContain('LocalOnly');
  });
});

describe('data', () => {
  const cluster = (synthesized: Synthesized, region: string) =>
    synthesized.the(`${region}-data`, 'AWS::RDS::DBCluster');

  test('the primary joins the empty global cluster with a master user, the others without', () => {
    const { logicalId, properties } = production.of(`${primary}-data`, 'AWS::RDS::GlobalCluster')[0]!;
    expect(properties).toEqual({
      GlobalClusterIdentifier: 'meridian-production',
      Engine: 'aurora-postgresql',
      EngineVersion: '17.7',
      StorageEncrypted: true,
      DeletionProtection: true,
    });
    expect(cluster(production, primary)).toMatchObject({
      GlobalClusterIdentifier: { Ref: logicalId },
      MasterUsername: 'meridian_master',
      DatabaseName: 'meridian',
    });
    expect(cluster(production, primary)).not.toHaveProperty('EnableGlobalWriteForwarding');
    for (const region of [second, third]) {
      const member = cluster(production, region);
      expect(member).toMatchObject({
        GlobalClusterIdentifier: 'meridian-production',
        EnableGlobalWriteForwarding: true,
        EngineVersion: '17.7',
        StorageEncrypted: true,
        EnableIAMDatabaseAuthentication: true,
      });
      for (const inherited of [
        'MasterUsername',
        'MasterUserPassword',
        'DatabaseName',
        'SourceRegion',
        'ReplicationSourceIdentifier',
      ]) {
        expect(member).not.toHaveProperty(inherited);
      }
      expect(JSON.stringify(member['KmsKeyId'])).toMatch(/Fn::GetAtt":\["Key/);
      expect(production.of(`${region}-data`, 'AWS::SecretsManager::Secret')).toEqual([]);
    }
  });

  test('one region is a cluster by itself, unless it is to grow', () => {
    expect(cluster(dev, primary)).not.toHaveProperty('GlobalClusterIdentifier');
    expect(dev.of('us-east-1-data', 'AWS::RDS::GlobalCluster')).toEqual([]);
    const growing = synthesize({
      ...environments['dev']!,
      global: true,
      database: { ...environments['dev']!.database, size: { kind: 'serverless', minAcu: 1, maxAcu: 2 } },
    });
    expect(growing.of('us-east-1-data', 'AWS::RDS::GlobalCluster')).toHaveLength(1);
  });

  test('writes are forwarded only where the parameter says so, and only over TLS', () => {
    const parameters = (synthesized: Synthesized, region: string) =>
      synthesized.the(`${region}-data`, 'AWS::RDS::DBClusterParameterGroup')['Parameters'];
    for (const region of regions) {
      expect(parameters(production, region)).toEqual({
        'rds.force_ssl': '1',
        'apg_write_forward.consistency_mode': 'session',
      });
    }
    expect(parameters(dev, primary)).toEqual({ 'rds.force_ssl': '1', idle_session_timeout: '60000' });
  });

  test('instances as configured', () => {
    const count = (synthesized: Synthesized, region: string) =>
      synthesized.of(`${region}-data`, 'AWS::RDS::DBInstance').length;
    expect(count(production, primary)).toBe(3);
    expect(count(production, second)).toBe(2);
    expect(count(dev, primary)).toBe(1);
  });

  test('a protected database leaves a snapshot, and its stack cannot be deleted', () => {
    const resource = Object.values(production.resources(`${primary}-data`)).find(
      ({ Type }) => Type === 'AWS::RDS::DBCluster',
    );
    expect(resource).toMatchObject({ DeletionPolicy: 'Snapshot', UpdateReplacePolicy: 'Retain' });
    expect(cluster(production, primary)['DeletionProtection']).toBe(true);
    expect(cluster(dev, primary)['DeletionProtection']).toBe(false);
    const kept = (synthesized: Synthesized) =>
      synthesized.app.node
        .findAll()
        .filter((construct) => Stack.isStack(construct))
        .filter((stack) => stack.terminationProtection)
        .map((stack) => stack.node.id);
    expect(kept(production)).toEqual(regions.map((region) => `${region}-data`));
    expect(kept(dev)).toEqual([]);
  });

  test('secrets are replicated to where they are read', () => {
    const replicas = (synthesized: Synthesized, name: string) =>
      synthesized
        .of(`${primary}-data`, 'AWS::SecretsManager::Secret')
        .filter(({ properties }) => properties['Name'] === name)
        .flatMap(({ properties }) =>
          properties['ReplicaRegions'].map((replica: Properties) => replica['Region']),
        );
    expect(replicas(production, 'meridian-production-database-master-user')).toEqual([second, third]);
    expect(replicas(production, 'meridian-production-origin-1')).toEqual([second, third]);
    const elsewhere = synthesize({
      ...environments['demo']!,
      primary: 'eu-west-1',
      regions: [
        { name: 'eu-west-1', cidr: '10.0.0.0/16' },
        { name: 'eu-central-1', cidr: '10.1.0.0/16' },
      ],
    });
    expect(
      elsewhere
        .of('eu-west-1-data', 'AWS::SecretsManager::Secret')
        .find(({ properties }) => properties['Name'] === 'meridian-test-origin-1')?.properties[
        'ReplicaRegions'
      ],
    ).toEqual([{ Region: 'eu-central-1' }, { Region: 'us-east-1' }]);
  });

  test('the cache evicts by use, grows without replacement, and lets nobody in without IAM and TLS', () => {
    const [group] = production.of(`${second}-data`, 'AWS::ElastiCache::ReplicationGroup');
    expect(group!.properties).toMatchObject({
      Engine: 'valkey',
      ClusterMode: 'enabled',
      NumNodeGroups: 2,
      ReplicasPerNodeGroup: 1,
      TransitEncryptionEnabled: true,
      AtRestEncryptionEnabled: true,
      UserGroupIds: [{ Ref: expect.any(String) }],
    });
    expect(production.resources(`${second}-data`)[group!.logicalId]).toHaveProperty(
      'UpdatePolicy.UseOnlineResharding',
      true,
    );
    expect(production.the(`${second}-data`, 'AWS::ElastiCache::ParameterGroup')['Properties']).toEqual({
      'cluster-enabled': 'yes',
      'maxmemory-policy': 'allkeys-lru',
    });
    expect(production.the(`${second}-data`, 'AWS::ElastiCache::User')['AuthenticationMode']).toEqual({
      Type: 'iam',
    });
    expect(dev.the('us-east-1-data', 'AWS::ElastiCache::ServerlessCache')['CacheUsageLimits']).toEqual({
      DataStorage: { Maximum: 1, Unit: 'GB' },
    });
  });

  test('media: versioned, in the account’s own namespace, uploads from the site, reads by CloudFront', () => {
    const bucket = production.the(`${second}-data`, 'AWS::S3::Bucket');
    expect(bucket).toMatchObject({
      BucketName: 'meridian-production-media-111111111111-eu-west-1-an',
      BucketNamespace: 'account-regional',
      VersioningConfiguration: { Status: 'Enabled' },
    });
    expect(bucket['CorsConfiguration']['CorsRules']).toEqual([
      expect.objectContaining({
        AllowedMethods: ['PUT'],
        AllowedOrigins: ['https://www.example.com', 'https://example.com'],
        ExposedHeaders: expect.arrayContaining(['ETag']),
      }),
    ]);
    expect(
      dev.the('us-east-1-data', 'AWS::S3::Bucket')['CorsConfiguration']['CorsRules'][0]['AllowedOrigins'],
    ).toEqual(['https://*.cloudfront.net']);
    const statements: Properties[] = production.the(`${second}-data`, 'AWS::S3::BucketPolicy')[
      'PolicyDocument'
    ]['Statement'];
    const reads = statements.filter(
      (statement) => statement['Principal']['Service'] === 'cloudfront.amazonaws.com',
    );
    expect(reads).toHaveLength(2);
    for (const statement of reads) {
      expect(statement['Condition']).toEqual({
        StringEquals: { 'aws:SourceAccount': '111111111111' },
        ArnLike: { 'aws:SourceArn': 'arn:aws:cloudfront::111111111111:distribution/*' },
      });
    }
  });
});

describe('service', () => {
  test('the migration runs after the rules that let it in, and before anything that needs the schema', () => {
    const resources = production.resources(`${second}-service`);
    const [triggerId, trigger] = Object.entries(resources).find(
      ([, { Type }]) => Type === 'Custom::Trigger',
    )!;
    const rules = Object.entries(resources).filter(
      ([id, { Type }]) => Type === 'AWS::EC2::SecurityGroupIngress' && id.startsWith('Migration'),
    );
    expect(rules).toHaveLength(1);
    for (const [id] of rules) expect(trigger.DependsOn).toContain(id);
    expect(trigger.Properties).toMatchObject({ Timeout: '840000', InvocationType: 'RequestResponse' });
    for (const type of ['AWS::ECS::Service', 'AWS::Lambda::EventSourceMapping']) {
      const waiting = Object.entries(resources).filter(
        ([id, { Type }]) => Type === type && !id.startsWith('Invalidation'),
      );
      expect(waiting).toHaveLength(1);
      expect(waiting[0]![1].DependsOn).toContain(triggerId);
    }
  });

  test('a task is locked down, and scaled between a minimum and a maximum that no deploy undoes', () => {
    const service = production.the(`${second}-service`, 'AWS::ECS::Service');
    expect(service).not.toHaveProperty('DesiredCount');
    expect(service).toMatchObject({
      AvailabilityZoneRebalancing: 'ENABLED',
      DeploymentConfiguration: {
        DeploymentCircuitBreaker: { Enable: true, Rollback: true },
        MinimumHealthyPercent: 100,
      },
      CapacityProviderStrategy: [
        { CapacityProvider: 'FARGATE', Base: 3, Weight: 50 },
        { CapacityProvider: 'FARGATE_SPOT', Weight: 50 },
      ],
      NetworkConfiguration: { AwsvpcConfiguration: { AssignPublicIp: 'DISABLED' } },
    });
    const task = production.the(`${second}-service`, 'AWS::ECS::TaskDefinition');
    expect(task).toMatchObject({
      RuntimePlatform: { CpuArchitecture: 'ARM64' },
      Cpu: '1024',
      Memory: '2048',
    });
    expect(task['ContainerDefinitions'][0]).toMatchObject({
      ReadonlyRootFilesystem: true,
      User: '1000:1000',
      StopTimeout: timeouts.stop,
      LinuxParameters: {
        Capabilities: { Drop: ['ALL'] },
        Tmpfs: [{ ContainerPath: '/tmp', Size: 64 }],
      },
    });
    expect(production.the(`${second}-service`, 'AWS::ApplicationAutoScaling::ScalableTarget')).toMatchObject({
      MinCapacity: 3,
      MaxCapacity: 24,
    });
    const targets = production
      .of(`${second}-service`, 'AWS::ApplicationAutoScaling::ScalingPolicy')
      .map(({ properties }) => properties['TargetTrackingScalingPolicyConfiguration'])
      .map((policy) => [
        policy['PredefinedMetricSpecification']['PredefinedMetricType'],
        policy['TargetValue'],
      ]);
    expect(Object.fromEntries(targets)).toEqual({
      ALBRequestCountPerTarget: 200 * 60 * 0.7,
      ECSServiceAverageCPUUtilization: 70,
    });
    expect(dev.the('us-east-1-service', 'AWS::ECS::Service')).toMatchObject({
      NetworkConfiguration: { AwsvpcConfiguration: { AssignPublicIp: 'ENABLED' } },
    });
  });

  test('a deployment that fails is taken back, by the circuit breaker or by its alarms', () => {
    const service = production.the(`${second}-service`, 'AWS::ECS::Service');
    const alarms = production
      .of(`${second}-service`, 'AWS::CloudWatch::Alarm')
      .map(({ properties }) => properties)
      .filter((alarm) => alarm['AlarmName'].startsWith('meridian-production-web-'));
    expect(service['DeploymentConfiguration']['Alarms']).toEqual({
      AlarmNames: ['meridian-production-web-server-errors', 'meridian-production-web-tasks-unhealthy'],
      Enable: true,
      Rollback: true,
    });
    expect(
      alarms.map((alarm) => [alarm['AlarmName'], alarm['MetricName'], alarm['TreatMissingData']]),
    ).toEqual([
      ['meridian-production-web-server-errors', 'HTTPCode_Target_5XX_Count', 'notBreaching'],
      ['meridian-production-web-tasks-unhealthy', 'UnHealthyHostCount', 'notBreaching'],
    ]);
  });

  test('the load balancer trusts no malformed request, and keeps connections no longer than DNS needs', () => {
    const of = (synthesized: Synthesized, stack: string) =>
      attributesOf(
        synthesized.the(stack, 'AWS::ElasticLoadBalancingV2::LoadBalancer')['LoadBalancerAttributes'],
      );
    expect(of(production, `${second}-service`)).toEqual({
      'access_logs.s3.bucket': 'meridian-production-logs-111111111111-eu-west-1-an',
      'access_logs.s3.enabled': 'true',
      'access_logs.s3.prefix': 'alb',
      'client_keep_alive.seconds': '60',
      'deletion_protection.enabled': 'true',
      'idle_timeout.timeout_seconds': String(timeouts.balancerIdle),
      'routing.http.desync_mitigation_mode': 'defensive',
      'routing.http.drop_invalid_header_fields.enabled': 'true',
      'zonal_shift.config.enabled': 'true',
    });
    expect(of(dev, 'us-east-1-service')['deletion_protection.enabled']).toBe('false');
    // The one that closes an idle connection first must be the load balancer, or it answers 502.
    expect(timeouts.serviceKeepAlive).toBeGreaterThan(timeouts.balancerIdle);
    expect(timeouts.stop).toBeGreaterThan(timeouts.deregistration);
    const listener = production.the(`${second}-service`, 'AWS::ElasticLoadBalancingV2::Listener');
    expect(listener).toMatchObject({ Port: 443, Protocol: 'HTTPS' });
    expect(listener['SslPolicy']).toMatch(/^ELBSecurityPolicy-TLS13-1-2-/);
    expect(production.the(`${second}-service`, 'AWS::ElasticLoadBalancingV2::LoadBalancer')).toMatchObject({
      Scheme: 'internet-facing',
      IpAddressType: 'dualstack',
    });
  });

  test.each([
    [undefined, 'weighted_random', 'on'],
    ['weighted_random', 'weighted_random', 'on'],
    // Elastic Load Balancing refuses mitigation with these.
    ['least_outstanding_requests', 'least_outstanding_requests', undefined],
    ['round_robin', 'round_robin', undefined],
  ] as const)('algorithm %s: %s, anomaly mitigation %s', (algorithm, chosen, mitigation) => {
    const base = environments['dev']!;
    const synthesized = synthesize({ ...base, web: { ...base.web, ...(algorithm && { algorithm }) } });
    const attributes = attributesOf(
      synthesized.the('us-east-1-service', 'AWS::ElasticLoadBalancingV2::TargetGroup')[
        'TargetGroupAttributes'
      ],
    );
    expect(attributes['load_balancing.algorithm.type']).toBe(chosen);
    expect(attributes['load_balancing.algorithm.anomaly_mitigation']).toBe(mitigation);
    expect(attributes['deregistration_delay.timeout_seconds']).toBe(String(timeouts.deregistration));
    expect(attributes).not.toHaveProperty('slow_start.duration_seconds');
  });

  test('too few healthy tasks leave traffic by DNS no later than the load balancer stops choosing', () => {
    const group = production.the(`${second}-service`, 'AWS::ElasticLoadBalancingV2::TargetGroup');
    const attributes = attributesOf(group['TargetGroupAttributes']);
    const share = (action: string) =>
      attributes[`target_group_health.${action}.minimum_healthy_targets.percentage`];
    expect(share('dns_failover')).toBe('20');
    expect(share('unhealthy_state_routing')).toBe('20');
  });

  test('cooldowns and a forecast as configured; the forecast acts on nothing', () => {
    const base = environments['demo']!;
    const policies = (synthesized: Synthesized) =>
      synthesized
        .of('us-east-1-service', 'AWS::ApplicationAutoScaling::ScalingPolicy')
        .map(({ properties }) => properties);
    const tuned = policies(
      synthesize({
        ...base,
        web: { ...base.web, cooldownSeconds: { out: 15, in: 600 }, predictiveScaling: true },
      }),
    );
    const tracking = tuned.flatMap((policy) => policy['TargetTrackingScalingPolicyConfiguration'] ?? []);
    expect(tracking.map((one: Properties) => [one['ScaleOutCooldown'], one['ScaleInCooldown']])).toEqual([
      [15, 600],
      [15, 600],
    ]);
    const forecast = tuned.flatMap((policy) => policy['PredictiveScalingPolicyConfiguration'] ?? []);
    expect(forecast.map((one: Properties) => one['Mode'])).toEqual(['ForecastOnly']);
    expect(policies(synthesize(base)).map((policy) => policy['PolicyType'])).not.toContain(
      'PredictiveScaling',
    );
  });

  test('the load balancer answers CloudFront and the health checks, and nobody else', () => {
    const stack = `${second}-service`;
    expect(production.the(stack, 'AWS::ElasticLoadBalancingV2::Listener')['DefaultActions']).toEqual([
      expect.objectContaining({ FixedResponseConfig: expect.objectContaining({ StatusCode: '403' }) }),
    ]);
    const rules = production
      .of(stack, 'AWS::ElasticLoadBalancingV2::ListenerRule')
      .map(({ properties }) => properties['Conditions']);
    expect(rules).toEqual([
      [
        {
          Field: 'http-header',
          HttpHeaderConfig: {
            HttpHeaderName: headers.originVerify,
            Values: ['{{resolve:secretsmanager:meridian-production-origin-1:SecretString:::}}'],
          },
        },
      ],
      [
        { Field: 'host-header', HostHeaderConfig: { Values: ['eu-west-1.origin.example.com'] } },
        { Field: 'path-pattern', PathPatternConfig: { Values: ['/readyz', '/drainz/*'] } },
      ],
    ]);
    expect(production.the(stack, 'AWS::CertificateManager::Certificate')).toMatchObject({
      DomainName: 'origin.example.com',
      SubjectAlternativeNames: ['*.origin.example.com', 'www.example.com', 'example.com'],
    });
    const lists = production
      .of(stack, 'Custom::ManagedPrefixList')
      .map(({ properties }) => /com\.amazonaws\.[a-z0-9.-]+/.exec(JSON.stringify(properties))![0]);
    expect(lists.sort()).toEqual([
      'com.amazonaws.eu-west-1.route53-healthchecks',
      'com.amazonaws.global.cloudfront.origin-facing',
      'com.amazonaws.global.ipv6.cloudfront.origin-facing',
    ]);
    const fromLists = production
      .of(stack, 'AWS::EC2::SecurityGroupIngress')
      .filter(({ properties }) => properties['SourcePrefixListId']);
    expect(fromLists).toHaveLength(3);
    expect(new Set(fromLists.map(({ properties }) => properties['FromPort']))).toEqual(new Set([443]));
  });

  test('the origin secret is rotated by its name, the last revision accepted beside the new one', () => {
    const rotated = synthesize({ ...environments['demo']!, originSecretRevision: 4 });
    const secret = (revision: number) =>
      `{{resolve:secretsmanager:meridian-test-origin-${revision}:SecretString:::}}`;
    const accepted = rotated
      .of('us-east-1-service', 'AWS::ElasticLoadBalancingV2::ListenerRule')
      .map(({ properties }) => properties['Conditions'][0]['HttpHeaderConfig']?.['Values'])
      .filter(Boolean);
    expect(accepted).toEqual([[secret(4), secret(3)]]);
    expect(JSON.stringify(rotated.the('edge', 'AWS::CloudFront::Distribution'))).toContain(secret(4));
    expect(
      rotated
        .of('us-east-1-data', 'AWS::SecretsManager::Secret')
        .map(({ properties }) => properties['Name'])
        .filter((name: string) => name.includes('origin')),
    ).toEqual(['meridian-test-origin-4', 'meridian-test-origin-3', 'meridian-test-origin-2']);
  });

  test('at no moment of a rotation is a header sent that is not accepted, or a secret named that is not there', () => {
    const revisions = [1, 2, 3].map(originSecrets);
    const [first, next] = revisions as [(typeof revisions)[0], (typeof revisions)[0]];
    expect(revisions.map(({ sent }) => sent)).toEqual(
      [1, 2, 3].map((revision) => [`meridian-test-origin-${revision}`]),
    );
    for (const [i, rotated] of revisions.slice(1).entries()) {
      const old = revisions[i]!;
      for (const accepted of rotated.accepted) {
        // Load balancers are deployed first, while the distribution still sends the old one.
        expect(accepted).toEqual(expect.arrayContaining([...old.sent, ...rotated.sent]));
      }
      // Data stacks are deployed before them: what the old rules name is still there, what the new ones name already.
      for (const accepted of [...old.accepted, ...rotated.accepted]) {
        expect(rotated.existing).toEqual(expect.arrayContaining(accepted));
      }
      for (const region of ['us-east-1', 'eu-west-1']) {
        expect(ancestors(rotated.synthesized, `${region}-service`)).toContain('us-east-1-data');
        expect(ancestors(rotated.synthesized, 'edge')).toContain(`${region}-service`);
      }
    }
    // A revision keeps its resource while it lives; a new one is a resource of its own, made before any is deleted.
    const idsByName = ({ synthesized }: typeof first) =>
      new Map(
        synthesized
          .of('us-east-1-data', 'AWS::SecretsManager::Secret')
          .map(({ logicalId, properties }) => [properties['Name'], logicalId]),
      );
    const [old, added] = [idsByName(first), idsByName(next)];
    expect(added.get(first.sent[0])).toBe(old.get(first.sent[0]));
    expect([...old.values()]).not.toContain(added.get(next.sent[0]));
  });

  test('the CDN bypass opens the load balancers and moves two names, and changes nothing else', () => {
    const closed = synthesize(environments['demo']!);
    const open = synthesize({ ...environments['demo']!, cdnBypass: true });
    const listed = (synthesized: Synthesized) =>
      new Map(
        synthesized.all().map(({ stack, logicalId, resource }) => [
          // Ids without their hash.
          `${stack} ${logicalId.replace(/[0-9A-F]{8}$/, '')} ${resource.Type}`,
          // Not what it waits for: that changes nothing of what is there.
          JSON.stringify(resource.Properties),
        ]),
      );
    const [was, is] = [listed(closed), listed(open)];
    const differing = [...new Set([...was.keys(), ...is.keys()])]
      .filter((key) => was.get(key) !== is.get(key))
      .map((key) => `${is.has(key) ? (was.has(key) ? 'changed' : 'new') : 'gone'} ${key}`);
    expect(differing.sort()).toEqual(
      [
        ...['us-east-1-service', 'eu-west-1-service'].flatMap((stack) => [
          `changed ${stack} EntryOthers AWS::EC2::SecurityGroup`,
          `new ${stack} EntryFirewall AWS::WAFv2::WebACL`,
          `new ${stack} EntryFirewallAssociation AWS::WAFv2::WebACLAssociation`,
          `new ${stack} EntryFirewallLogging AWS::WAFv2::LoggingConfiguration`,
          `new ${stack} EntryFirewallLogs AWS::Logs::LogGroup`,
          `new ${stack} EntryLoadBalancerHttpsBypassRule AWS::ElasticLoadBalancingV2::ListenerRule`,
        ]),
        ...['Www', 'Apex'].flatMap((name) =>
          ['A', 'AAAA'].map((type) => `changed edge ${name}${type} AWS::Route53::RecordSet`),
        ),
      ].sort(),
    );
  });

  test('without CloudFront the load balancers serve the world behind a firewall, under the site’s names', () => {
    const bypass = synthesize({ ...environments['demo']!, cdnBypass: true });
    const hosts = bypass
      .of('eu-west-1-service', 'AWS::ElasticLoadBalancingV2::ListenerRule')
      .map(({ properties }) => properties['Conditions'][0]['HostHeaderConfig']?.['Values']);
    expect(hosts).toContainEqual(['www.demo.example.com', 'demo.example.com']);
    expect(bypass.of('eu-west-1-service', 'AWS::WAFv2::WebACLAssociation')).toHaveLength(1);
    expect(bypass.the('eu-west-1-service', 'AWS::WAFv2::WebACL')['Scope']).toBe('REGIONAL');
    const world = bypass
      .of('eu-west-1-service', 'AWS::EC2::SecurityGroup')
      .flatMap(({ properties }) => properties['SecurityGroupIngress'] ?? [])
      .map((rule: Properties) => rule['CidrIp'] ?? rule['CidrIpv6']);
    expect(world).toEqual(['0.0.0.0/0', '::/0']);
    expect(records(bypass, 'edge').get('www.demo.example.com. A')!['AliasTarget']['DNSName']).toBe(
      'origin.demo.example.com',
    );
    expect(production.of('eu-west-1-service', 'AWS::WAFv2::WebACL')).toEqual([]);
  });

  test('without a domain the load balancer is internal, and CloudFront alone reaches it', () => {
    expect(dev.the('us-east-1-service', 'AWS::ElasticLoadBalancingV2::LoadBalancer')).toMatchObject({
      Scheme: 'internal',
      IpAddressType: 'ipv4',
    });
    expect(dev.the('us-east-1-service', 'AWS::ElasticLoadBalancingV2::Listener')).toMatchObject({
      Port: 80,
      Protocol: 'HTTP',
    });
    const open = dev
      .of('us-east-1-service', 'AWS::EC2::SecurityGroup')
      .filter(({ properties }) => properties['SecurityGroupIngress']);
    expect(open).toEqual([]);
  });

  test('jobs: partial failures, bounded concurrency, and time for a retry', () => {
    const mapping = production
      .of(`${second}-service`, 'AWS::Lambda::EventSourceMapping')
      .find(({ logicalId }) => logicalId.startsWith('JobsWorker'))!;
    expect(mapping.properties).toMatchObject({
      BatchSize: 10,
      MaximumBatchingWindowInSeconds: 1,
      FunctionResponseTypes: ['ReportBatchItemFailures'],
      ScalingConfig: { MaximumConcurrency: 10 },
    });
    expect(mapping.properties['MetricsConfig']).toEqual({ Metrics: ['EventCount'] });
    const queue = queueNamed('jobs');
    expect(queue.properties).toMatchObject({
      VisibilityTimeout: 180,
      SqsManagedSseEnabled: true,
      RedrivePolicy: { maxReceiveCount: 5 },
    });
    // Fair queues are standard queues.
    expect(queue.properties).not.toHaveProperty('FifoQueue');
  });

  test.each(['jobs', 'invalidation'])(
    '%s: dead letters are kept for two weeks and come from its queue alone',
    (name) => {
      const dead = queueNamed(`${name}-dead`);
      expect(dead.properties).toMatchObject({
        MessageRetentionPeriod: 14 * 24 * 3600,
        SqsManagedSseEnabled: true,
      });
      const { redrivePermission, sourceQueueArns } = dead.properties['RedriveAllowPolicy'];
      expect(redrivePermission).toBe('byQueue');
      expect(sourceQueueArns).toEqual([expect.stringContaining(`meridian-production-${name}`)]);
      expect(sourceQueueArns[0]).toMatch(/^arn:aws:sqs:eu-west-1:111111111111:/);
      expect(queueNamed(name).properties['RedrivePolicy']['deadLetterTargetArn']['Fn::GetAtt'][0]).toBe(
        dead.logicalId,
      );
    },
  );

  test('jobs: what is not worked off rings, and rest does not', () => {
    const alarms = production
      .of(`${second}-service`, 'AWS::CloudWatch::Alarm')
      .map(({ properties }) => properties)
      .filter((alarm) => alarm['AlarmName'].startsWith('meridian-production-jobs-'))
      .map((alarm) => {
        const { AlarmName, Namespace, MetricName, Dimensions, Statistic, Threshold, EvaluationPeriods } =
          alarm;
        expect(alarm['TreatMissingData']).toBe('notBreaching');
        expect(alarm['AlarmDescription']).toContain('eu-west-1');
        const of = String(Dimensions[0].Value['Fn::GetAtt']?.[0] ?? Dimensions[0].Value['Ref']);
        const subject = of.replace(/[0-9A-F]{8}$/, '');
        return [AlarmName.slice(25), subject, Namespace, MetricName, Statistic, Threshold, EvaluationPeriods];
      });
    expect(alarms).toEqual([
      // Four visibility timeouts.
      ['waiting', 'JobsQueue', 'AWS/SQS', 'ApproximateAgeOfOldestMessage', 'Maximum', 4 * 180, 3],
      ['given-up', 'JobsQueueDeadLetters', 'AWS/SQS', 'ApproximateNumberOfMessagesVisible', 'Maximum', 1, 1],
      ['failing', 'JobsWorker', 'AWS/Lambda', 'Errors', 'Sum', 1, 3],
      ['throttled', 'JobsWorker', 'AWS/Lambda', 'Throttles', 'Sum', 1, 3],
    ]);
  });

  test('jobs: the worker may take and give back messages, and no other action on queues', () => {
    const roles = production
      .of(`${second}-service`, 'AWS::IAM::Policy')
      .filter(({ logicalId }) => logicalId.startsWith('JobsWorkerServiceRole'));
    const statements: Properties[] = roles.flatMap(
      ({ properties }) => properties['PolicyDocument']['Statement'],
    );
    const onQueues = statements.filter(({ Action }) =>
      [Action].flat().some((one: string) => one.startsWith('sqs:')),
    );
    expect(onQueues).toHaveLength(1);
    expect(onQueues[0]!['Action'].sort()).toEqual([
      'sqs:ChangeMessageVisibility',
      'sqs:DeleteMessage',
      'sqs:GetQueueAttributes',
      'sqs:GetQueueUrl',
      'sqs:ReceiveMessage',
    ]);
    expect(onQueues[0]!['Resource']).toEqual({ 'Fn::GetAtt': [queueNamed('jobs').logicalId, 'Arn'] });
  });

  test('with one region nothing is carried to another', () => {
    expect(dev.of('us-east-1-service', 'AWS::SNS::Topic')).toEqual([]);
    expect(JSON.stringify(dev.resources('us-east-1-service'))).not.toContain('INVALIDATION_TOPIC_ARN');
  });
});

describe('mesh', () => {
  test('uploads are copied to every other region, by the rules’ own action', () => {
    const custom = production.the(`${second}-mesh`, 'Custom::BucketReplication');
    const call = JSON.stringify(custom['Create']);
    for (const other of [primary, third]) {
      expect(call).toContain(`arn:aws:s3:::meridian-production-media-111111111111-${other}-an`);
    }
    expect(call).toContain('media/eu-west-1/');
    const actions = production
      .of(`${second}-mesh`, 'AWS::IAM::Policy')
      .flatMap(({ properties }) => properties['PolicyDocument']['Statement'])
      .flatMap((statement: Properties) => statement['Action']);
    expect(actions.sort()).toEqual(['iam:PassRole', 's3:PutReplicationConfiguration']);
  });

  test('a queue hears the topics of the other regions, in their regions, and lets no other in', () => {
    const arn = (service: string, region: string) =>
      `arn:aws:${service}:${region}:111111111111:meridian-production-invalidation`;
    const subscriptions = production
      .of(`${second}-mesh`, 'AWS::SNS::Subscription')
      .map(({ properties }) => properties);
    expect(subscriptions).toEqual(
      [primary, third].map((other) => ({
        TopicArn: arn('sns', other),
        Region: other,
        Protocol: 'sqs',
        Endpoint: arn('sqs', second),
        RawMessageDelivery: true,
      })),
    );
    const policies = production
      .of(`${second}-service`, 'AWS::SQS::QueuePolicy')
      .map(({ properties }) => properties);
    expect(JSON.stringify(policies)).toContain(
      JSON.stringify({ ArnEquals: { 'aws:SourceArn': [arn('sns', primary), arn('sns', third)] } }),
    );
  });
});

describe('routing', () => {
  const environment = environments['production']!;
  const found = records(production, 'routing');

  test.each(['A', 'AAAA'])('every home has a chain over all regions, nearest first (%s)', (type) => {
    for (const home of regions) {
      const order = failoverChain(environment, home);
      for (const level of [1, 2]) {
        const name = `${home}-${level}.geo.example.com. ${type}`;
        const nearest = found.get(`${name} primary`)!;
        const next = found.get(`${name} secondary`)!;
        expect(nearest['Failover']).toBe('PRIMARY');
        expect(nearest['AliasTarget']).toMatchObject({
          DNSName: `${order[level - 1]}.origin.example.com`,
          EvaluateTargetHealth: true,
        });
        expect(next['Failover']).toBe('SECONDARY');
        expect(next['AliasTarget']).toMatchObject({
          DNSName: level === 1 ? `${home}-2.geo.example.com` : `${order[2]}.origin.example.com`,
          EvaluateTargetHealth: true,
        });
        expect(nearest['HealthCheckId']).toBeDefined();
        // The next level brings its own health; the last region needs its check.
        expect(next['HealthCheckId'] !== undefined).toBe(level === 2);
      }
    }
  });

  test('every geography points to its home, the default too', () => {
    for (const { kind, code, region } of geographies(environment)) {
      const record = found.get(`origin.example.com. A ${kind}-${code === '*' ? 'any' : code}`)!;
      expect(record['AliasTarget']['DNSName']).toBe(`${region}-1.geo.example.com`);
      expect(record['AliasTarget']['EvaluateTargetHealth']).toBe(true);
    }
    expect(found.get('origin.example.com. A default-any')!['GeoLocation']).toEqual({ CountryCode: '*' });
  });

  test('a record is made after the record it points to', () => {
    const resources = Object.entries(production.resources('routing'));
    const idsByName = new Map<string, string[]>();
    for (const [id, { Properties: record = {} }] of resources) {
      const name = String(record['Name']);
      idsByName.set(name, [...(idsByName.get(name) ?? []), id]);
    }
    let checked = 0;
    for (const [, { Properties: record = {}, DependsOn = [] }] of resources) {
      const target = (record['AliasTarget'] as Properties | undefined)?.['DNSName'];
      for (const id of idsByName.get(`${target}.`) ?? []) {
        checked += 1;
        expect(DependsOn).toContain(id);
      }
    }
    // A pair is four records, and two records (A and AAAA) point to it from a home's first level and a geography.
    expect(checked).toBe(regions.length * 2 * 4 + geographies(environment).length * 2 * 4);
  });

  test('a region is healthy when it says so and its neighbour does not say that it is drained', () => {
    const checks = production.of('routing', 'AWS::Route53::HealthCheck');
    const of = (region: string, kind: string) =>
      checks.find(({ logicalId }) => logicalId.startsWith(`Health${region.replaceAll('-', '')}${kind}`))!;
    for (const region of regions) {
      const [, neighbour] = failoverChain(environment, region);
      const common = { Type: 'HTTPS', Port: 443, RequestInterval: 10, FailureThreshold: 2, EnableSNI: true };
      expect(of(region, 'Ready').properties['HealthCheckConfig']).toMatchObject({
        ...common,
        Inverted: false,
        FullyQualifiedDomainName: `${region}.origin.example.com`,
        ResourcePath: '/readyz',
      });
      expect(of(region, 'NotDrained').properties['HealthCheckConfig']).toMatchObject({
        ...common,
        FullyQualifiedDomainName: `${neighbour}.origin.example.com`,
        ResourcePath: `/drainz/${region}`,
        Inverted: true,
      });
    }
    const calculated = checks.filter(
      ({ properties }) => properties['HealthCheckConfig']['Type'] === 'CALCULATED',
    );
    expect(calculated).toHaveLength(3);
    for (const { properties } of calculated) {
      expect(properties['HealthCheckConfig']).toMatchObject({
        HealthThreshold: 2,
        ChildHealthChecks: [expect.anything(), expect.anything()],
      });
    }
  });
});

describe('edge', () => {
  const config = production.the('edge', 'AWS::CloudFront::Distribution')['DistributionConfig'];
  const origins = new Map<string, Properties>(
    config['Origins'].map((origin: Properties) => [origin['Id'], origin]),
  );
  const groups = new Map<string, string[]>(
    config['OriginGroups']['Items'].map((group: Properties) => [
      group['Id'],
      group['Members']['Items'].map((member: Properties) => origins.get(member['OriginId'])!['DomainName']),
    ]),
  );
  const behavior = (path: string): Properties =>
    config['CacheBehaviors'].find((candidate: Properties) => candidate['PathPattern'] === path);
  const bucket = (kind: string, region: string) =>
    `meridian-production-${kind}-111111111111-${region}-an.s3.${region}.amazonaws.com`;

  test('files come from the nearest bucket, then from another', () => {
    expect(groups.get(behavior('/assets/*')['TargetOriginId'])).toEqual([
      bucket('assets', primary),
      bucket('assets', second),
    ]);
    for (const region of regions) {
      const [, next] = failoverChain(environments['production']!, region);
      expect(groups.get(behavior(`/media/${region}/*`)['TargetOriginId'])).toEqual([
        bucket('media', region),
        bucket('media', next!),
      ]);
    }
  });

  test('everything else goes to the origin’s name, with the proof', () => {
    const answers = config['DefaultCacheBehavior'];
    const origin = origins.get(answers['TargetOriginId'])!;
    expect(origin).toMatchObject({
      DomainName: 'origin.example.com',
      ConnectionAttempts: 2,
      ConnectionTimeout: 3,
      CustomOriginConfig: { OriginProtocolPolicy: 'https-only', OriginKeepaliveTimeout: 30 },
      OriginCustomHeaders: [
        {
          HeaderName: headers.originVerify,
          HeaderValue: '{{resolve:secretsmanager:meridian-production-origin-1:SecretString:::}}',
        },
      ],
    });
    for (const path of ['/api/*', '/fallback-assets/*']) {
      expect(behavior(path)['TargetOriginId']).toBe(answers['TargetOriginId']);
      expect(behavior(path)['FunctionAssociations']).toEqual(answers['FunctionAssociations']);
    }
  });

  test('the API sees who asks, but for the Host; pages and files are asked for without cookies, by reading alone', () => {
    const api = behavior('/api/*');
    expect(api['AllowedMethods']).toContain('POST');
    // Managed-AllViewerExceptHostHeader.
    expect(api['OriginRequestPolicyId']).toBe('b689b0a8-53d0-40ab-baf2-68738e2966ac');
    const others: Properties[] = [config['DefaultCacheBehavior'], ...config['CacheBehaviors']].filter(
      (one) => one !== api,
    );
    expect(others).toHaveLength(3 + regions.length);
    for (const one of others) {
      expect(one['AllowedMethods']).toEqual(['GET', 'HEAD']);
      expect(one).not.toHaveProperty('OriginRequestPolicyId');
    }
  });

  test('viewers get HTTP/3, TLS 1.2 of 2025 at least, and compression, in the places that are paid for', () => {
    expect(config).toMatchObject({
      HttpVersion: 'http2and3',
      IPV6Enabled: true,
      PriceClass: 'PriceClass_100',
      ViewerCertificate: { MinimumProtocolVersion: 'TLSv1.2_2025', SslSupportMethod: 'sni-only' },
    });
    const behaviors: Properties[] = [config['DefaultCacheBehavior'], ...config['CacheBehaviors']];
    expect(behaviors).toHaveLength(4 + regions.length);
    for (const one of behaviors) {
      expect(one).toMatchObject({
        Compress: true,
        ViewerProtocolPolicy: 'redirect-to-https',
        ResponseHeadersPolicyId: config['DefaultCacheBehavior']['ResponseHeadersPolicyId'],
      });
    }
    const everywhere = synthesize({ ...environments['dev']!, priceClass: 'PriceClass_All' });
    expect(everywhere.the('edge', 'AWS::CloudFront::Distribution')['DistributionConfig']['PriceClass']).toBe(
      'PriceClass_All',
    );
  });

  test('no error of a task or a bucket is kept for the next viewer', () => {
    expect(config['CustomErrorResponses']).toEqual(
      [403, 404, 500, 502, 503, 504].map((ErrorCode) => ({ ErrorCode, ErrorCachingMinTTL: 0 })),
    );
  });

  test('buckets are asked by signed requests alone', () => {
    const [{ logicalId, properties }] = production.of('edge', 'AWS::CloudFront::OriginAccessControl') as [
      { logicalId: string; properties: Properties },
    ];
    expect(properties['OriginAccessControlConfig']).toMatchObject({
      OriginAccessControlOriginType: 's3',
      SigningBehavior: 'always',
    });
    const inBuckets = [...origins.values()].filter((origin) => origin['S3OriginConfig']);
    expect(inBuckets.length).toBeGreaterThan(regions.length);
    for (const origin of inBuckets) {
      expect(origin['OriginAccessControlId']).toEqual({ 'Fn::GetAtt': [logicalId, 'Id'] });
    }
  });

  test('every answer says: HTTPS only, no sniffing, no frames', () => {
    const { SecurityHeadersConfig } = production.the('edge', 'AWS::CloudFront::ResponseHeadersPolicy')[
      'ResponseHeadersPolicyConfig'
    ];
    expect(SecurityHeadersConfig).toMatchObject({
      StrictTransportSecurity: { AccessControlMaxAgeSec: 31_536_000, Override: true },
      ContentTypeOptions: { Override: true },
      FrameOptions: { FrameOption: 'DENY', Override: true },
      ReferrerPolicy: { ReferrerPolicy: 'strict-origin-when-cross-origin', Override: true },
    });
  });

  test('access logs are of the newer kind, which needs no ACL on the bucket', () => {
    expect(config).not.toHaveProperty('Logging');
    const source = production.the('edge', 'AWS::Logs::DeliverySource');
    expect(source).toMatchObject({ LogType: 'ACCESS_LOGS' });
    const [distribution] = production.of('edge', 'AWS::CloudFront::Distribution');
    expect(JSON.stringify(source['ResourceArn'])).toContain(`{"Ref":"${distribution!.logicalId}"}`);
    expect(production.the('edge', 'AWS::Logs::DeliveryDestination')['DestinationResourceArn']).toBe(
      'arn:aws:s3:::meridian-production-logs-111111111111-us-east-1-an/cdn',
    );
    expect(production.the('edge', 'AWS::Logs::Delivery')['DeliverySourceName']).toBe(source['Name']);
  });

  test('cache policies are our own: no cookie and no header in the key, and no-store is obeyed', () => {
    const policies = production
      .of('edge', 'AWS::CloudFront::CachePolicy')
      .map(({ properties }) => properties['CachePolicyConfig']);
    expect(policies).toHaveLength(2);
    for (const policy of policies) {
      expect(policy['MinTTL']).toBe(0);
      expect(policy['ParametersInCacheKeyAndForwardedToOrigin']).toMatchObject({
        CookiesConfig: { CookieBehavior: 'none' },
        HeadersConfig: { HeaderBehavior: 'none' },
      });
    }
  });

  test('the viewer function hides the health paths and tells host and address', () => {
    const code: string = production.the('edge', 'AWS::CloudFront::Function')['FunctionCode'];
    const handler = new Function(`${code}; return handler;`)() as (event: Properties) => Properties;
    const ask = (uri: string) =>
      handler({
        viewer: { ip: '203.0.113.9' },
        request: { uri, headers: { host: { value: 'www.example.com' } } },
      });
    // As a router decodes a path, so does the function.
    for (const hidden of ['/healthz', '/readyz', '/drainz/eu-west-1', '/%68ealthz', '/drainz%2Feu-west-1']) {
      expect(ask(hidden)['statusCode']).toBe(404);
    }
    expect(ask('/%E0%A4%A')['uri']).toBe('/%E0%A4%A');
    expect(ask('/api/images')['headers']).toMatchObject({
      'x-viewer-host': { value: 'www.example.com' },
      'x-viewer-address': { value: '203.0.113.9' },
    });
  });

  test('the firewall spares load generators, and counts large bodies only', () => {
    const acl = production.the('edge', 'AWS::WAFv2::WebACL');
    expect(acl['Scope']).toBe('CLOUDFRONT');
    expect(JSON.stringify(acl)).toContain('"ActionToUse":{"Count":{}},"Name":"SizeRestrictions_BODY"');
    expect(acl['Rules'][0]['Statement']['RateBasedStatement']).not.toHaveProperty('ScopeDownStatement');
    const tested = synthesize({ ...environments['demo']!, testers: ['203.0.113.7/32', '2001:db8::/64'] });
    expect(tested.of('edge', 'AWS::WAFv2::IPSet').map(({ properties }) => properties['Addresses'])).toEqual([
      ['203.0.113.7/32'],
      ['2001:db8::/64'],
    ]);
    expect(
      tested.the('edge', 'AWS::WAFv2::WebACL')['Rules'][0]['Statement']['RateBasedStatement'],
    ).toHaveProperty('ScopeDownStatement.NotStatement.Statement.OrStatement');
    const admitted = tested
      .of('us-east-1-service', 'AWS::EC2::SecurityGroup')
      .flatMap(({ properties }) => properties['SecurityGroupIngress'] ?? [])
      .map((rule: Properties) => rule['CidrIp'] ?? rule['CidrIpv6']);
    expect(admitted).toEqual(['203.0.113.7/32', '2001:db8::/64']);
  });

  test('the firewall logs what it blocks or counts, without cookies, where WAF accepts it', () => {
    const logging = production.the('edge', 'AWS::WAFv2::LoggingConfiguration');
    const destination = JSON.stringify(logging['LogDestinationConfigs']);
    expect(destination).toMatch(/:log-group:aws-waf-logs-meridian-production-cloudfront"/);
    expect(JSON.stringify(logging['RedactedFields'])).toMatch(/cookie.*authorization/);
    expect(JSON.stringify(logging['LoggingFilter'])).toMatch(/"DefaultBehavior":"DROP".*"BLOCK".*"COUNT"/);
  });

  test('pages run their own scripts alone, and may upload to the bucket of every region', () => {
    const policy = production.the('edge', 'AWS::CloudFront::ResponseHeadersPolicy');
    const { ContentSecurityPolicy, Override } =
      policy['ResponseHeadersPolicyConfig']['SecurityHeadersConfig']['ContentSecurityPolicy'];
    const directives = Object.fromEntries(
      String(ContentSecurityPolicy)
        .split('; ')
        .map((directive) => [directive.split(' ')[0], directive.split(' ').slice(1)]),
    );
    expect(Override).toBe(true);
    expect(directives['default-src']).toEqual(["'none'"]);
    expect(directives['script-src']).toEqual(["'self'"]);
    expect(directives['connect-src']).toEqual([
      "'self'",
      ...regions.map(
        (region) => `https://meridian-production-media-111111111111-${region}-an.s3.${region}.amazonaws.com`,
      ),
    ]);
  });

  test('www and the apex are names of the distribution', () => {
    expect(config['Aliases']).toEqual(['www.example.com', 'example.com']);
    expect([...records(production, 'edge').keys()].sort()).toEqual([
      'example.com. A',
      'example.com. AAAA',
      'www.example.com. A',
      'www.example.com. AAAA',
    ]);
  });

  test('a removed region’s media keep their address, served by the nearest replica', () => {
    const retired = synthesize({ ...environments['demo']!, retiredRegions: ['eu-central-1'] });
    const { CacheBehaviors, OriginGroups, Origins } = retired.the('edge', 'AWS::CloudFront::Distribution')[
      'DistributionConfig'
    ];
    const media = CacheBehaviors.find(
      (candidate: Properties) => candidate['PathPattern'] === '/media/eu-central-1/*',
    );
    const group = OriginGroups['Items'].find(
      (candidate: Properties) => candidate['Id'] === media['TargetOriginId'],
    );
    const first = Origins.find(
      (origin: Properties) => origin['Id'] === group['Members']['Items'][0]['OriginId'],
    );
    expect(first['DomainName']).toBe(
      'meridian-test-media-111111111111-eu-west-1-an.s3.eu-west-1.amazonaws.com',
    );
  });

  test('without a domain CloudFront has its own name and reaches the load balancer by HTTP, also in another region', () => {
    const elsewhere = synthesize({
      ...environments['dev']!,
      primary: 'eu-west-1',
      regions: [{ name: 'eu-west-1', cidr: '10.0.0.0/16' }],
    });
    const { VpcOriginEndpointConfig: endpoint } = elsewhere.the('edge', 'AWS::CloudFront::VpcOrigin');
    expect(endpoint).toMatchObject({
      OriginProtocolPolicy: 'http-only',
      HTTPPort: 80,
      Arn: { 'Fn::GetStackOutput': { StackName: 'meridian-test-eu-west-1-service', Region: 'eu-west-1' } },
    });
    const { DistributionConfig } = elsewhere.the('edge', 'AWS::CloudFront::Distribution');
    expect(DistributionConfig).not.toHaveProperty('Aliases');
    expect(elsewhere.all().filter(({ resource }) => /CrossRegion/.test(resource.Type))).toEqual([]);
  });
});

function queueNamed(name: string): { readonly logicalId: string; readonly properties: Properties } {
  const queues = production.of(`${second}-service`, 'AWS::SQS::Queue');
  const found = queues.find(({ properties }) => properties['QueueName'] === `meridian-production-${name}`);
  if (!found) throw new Error(`no queue meridian-production-${name} among ${queues.length}`);
  return found;
}
