/** What must hold of every template, whatever is added to it. */

import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { Stack, Validations } from 'aws-cdk-lib';
import { CfnQueue } from 'aws-cdk-lib/aws-sqs';
import { AwsSolutionsChecks } from 'cdk-nag';
import { environments } from '../../config/environments.ts';
import { type Placed, type Properties, type Synthesized, synthesize } from '../support/synth.ts';

const root = join(import.meta.dirname, '../..');
/** Environment → kind of stack → `<logical id> <type>`. */
const frozen: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = JSON.parse(
  readFileSync(join(import.meta.dirname, 'stateful-resources.json'), 'utf8'),
);
const synthesized: Readonly<Record<string, Synthesized>> = Object.fromEntries(
  Object.keys(environments).map((name) => [
    name,
    synthesize(name, (app) => Validations.of(app).addPlugins(new AwsSolutionsChecks(app))),
  ]),
);
const ofType = (name: string, type: string): Placed[] =>
  synthesized[name]!.all().filter(({ resource }) => resource.Type === type);

test('every alarm has a section in the runbook', () => {
  const runbook = readFileSync(join(root, 'docs/runbook.md'), 'utf8');
  const sections = [...runbook.matchAll(/^## ([a-z0-9-]+)$/gm)].map(([, name]) => name);
  const alarms = ofType('production', 'AWS::CloudWatch::Alarm').map(({ resource }) => {
    const { AlarmName, AlarmDescription } = resource.Properties as Properties;
    const name = String(AlarmName).replace('meridian-production-', '');
    expect(AlarmDescription).toContain(`docs/runbook.md#${name}`);
    return name;
  });
  expect(alarms.length).toBeGreaterThan(0);
  // A section whose heading has capitals or spaces is a procedure, not an alarm's.
  expect([...new Set(alarms)].sort()).toEqual([...sections].sort());
});

describe.each(Object.keys(environments))('%s', (name) => {
  const environment = environments[name]!;
  const regions = environment.regions.map((entry) => entry.name);

  test('every queue has a dead-letter queue, or is one, and an alarm', () => {
    const queues = ofType(name, 'AWS::SQS::Queue');
    const targets = queues.map(({ stack, resource }) => {
      const policy = resource.Properties?.['RedrivePolicy'] as Properties | undefined;
      return policy && `${stack} ${policy['deadLetterTargetArn']['Fn::GetAtt'][0]}`;
    });
    const alone = queues.filter(
      ({ stack, logicalId }, i) => !targets[i] && !targets.includes(`${stack} ${logicalId}`),
    );
    expect(queues.length).toBeGreaterThan(0);
    // Both kinds ring: one by the age of what waits, the other by its number.
    const ringing = ofType(name, 'AWS::CloudWatch::Alarm').map(({ stack, resource }) => {
      const { MetricName, Dimensions } = resource.Properties as Properties;
      return `${MetricName} ${stack} ${Dimensions[0].Value['Fn::GetAtt']?.[0]}`;
    });
    for (const [i, { stack, logicalId }] of queues.entries()) {
      const metric = targets[i] ? 'ApproximateAgeOfOldestMessage' : 'ApproximateNumberOfMessagesVisible';
      expect(ringing).toContain(`${metric} ${stack} ${logicalId}`);
    }
    expect(alone.map(({ stack, logicalId }) => `${stack} ${logicalId}`)).toEqual([]);
  });

  test('no variable of a task or function names a resource of another region', () => {
    const wrong: string[] = [];
    let checked = 0;
    for (const { stack, region, key, value } of variablesOf(synthesized[name]!)) {
      checked += 1;
      // The list of regions is what it is about.
      if (key === 'REGIONS' && value === regions.join(',')) continue;
      for (const other of regions.filter((candidate) => candidate !== region)) {
        if (JSON.stringify(value).includes(other)) wrong.push(`${stack} ${key}: ${JSON.stringify(value)}`);
      }
    }
    expect(checked).toBeGreaterThan(10);
    expect(wrong).toEqual([]);
  });

  test('every function in the network has a route to what its role allows', () => {
    expect(unreachable(synthesized[name]!)).toEqual([]);
  });

  test('cdk-nag has no finding that is not explained', () => {
    expect(synthesized[name]!.findings).toEqual([]);
  });

  test('no template has a path of this machine', () => {
    expect(JSON.stringify(synthesized[name]!.assembly.stacks)).not.toContain(root);
  });
});

test.each(Object.keys(frozen))(
  '%s: resources that hold data or are known by address keep their logical ids',
  (name) => {
    const held: Record<string, string[]> = {};
    for (const { stack, logicalId, resource } of synthesized[name]!.all()) {
      if (!stateful.includes(resource.Type)) continue;
      const kind = stack.split('-').at(-1)!;
      held[kind] = [...new Set([...(held[kind] ?? []), `${logicalId} ${resource.Type}`])].sort();
    }
    // Another id replaces the resource, and what it holds. Where that is meant, put the new one into the file.
    expect(held).toEqual(frozen[name]);
  },
);

test('a pack of rules is asked, and sees what is not explained', () => {
  const seen = synthesize('dev', (app) => {
    const env = { account: '111111111111', region: 'us-east-1' };
    new CfnQueue(new Stack(app, 'plain', { env }), 'Queue');
    Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
  });
  expect(seen.findings).toContain('AwsSolutions-SQS3 plain/Queue');
});

test('the guard of routes sees a missing endpoint', () => {
  const dev = synthesized['dev']!;
  const bare = Object.assign(Object.create(Object.getPrototypeOf(dev)), dev, {
    assembly: {
      ...dev.assembly,
      stacks: dev.assembly.stacks.map((stack) => ({
        ...stack,
        template: {
          ...stack.template,
          Resources: Object.fromEntries(
            Object.entries(stack.template.Resources ?? {}).filter(
              ([, { Properties = {} }]) => !/secretsmanager/.test(String(Properties['ServiceName'])),
            ),
          ),
        },
      })),
    },
  });
  expect(unreachable(bare)).toEqual(['us-east-1-service MigrationFunction: secretsmanager']);
});

test('what a fork replaces is named in its own file alone', () => {
  const files = globSync('lib/**/*.ts', { cwd: root }).filter((file) => file !== 'lib/gallery.ts');
  const named = files.filter((file) =>
    /image|gallery|classif/i.test(
      // ECS calls a container's code an image.
      readFileSync(join(root, file), 'utf8').replaceAll(/\bimage: ecs\.ContainerImage\b/g, ''),
    ),
  );
  expect(files.length).toBeGreaterThan(20);
  expect(named).toEqual([]);
});

/** Types whose replacement loses data, an address that others know, or a long rebuilding. */
const stateful = [
  'AWS::EC2::VPC',
  'AWS::EC2::Subnet',
  'AWS::ElastiCache::ReplicationGroup',
  'AWS::ElastiCache::ServerlessCache',
  'AWS::KMS::Key',
  'AWS::RDS::DBCluster',
  'AWS::RDS::DBInstance',
  'AWS::RDS::GlobalCluster',
  'AWS::S3::Bucket',
  'AWS::SNS::Topic',
  'AWS::SQS::Queue',
  'AWS::SecretsManager::Secret',
  'AWS::CloudFront::Distribution',
  'AWS::ElasticLoadBalancingV2::LoadBalancer',
];

interface Variable {
  readonly stack: string;
  readonly region: string;
  readonly key: string;
  readonly value: unknown;
}

function variablesOf(of: Synthesized): Variable[] {
  return of.all().flatMap(({ stack, region, resource: { Type, Properties: properties = {} } }) => {
    const place = { stack, region };
    if (Type === 'AWS::Lambda::Function') {
      const { Variables = {} } = (properties['Environment'] ?? {}) as Properties;
      return Object.entries(Variables).map(([key, value]) => ({ ...place, key, value }));
    }
    if (Type === 'AWS::ECS::TaskDefinition') {
      return (properties['ContainerDefinitions'] as Properties[])
        .flatMap((container): Properties[] => container['Environment'] ?? [])
        .map(({ Name, Value }) => ({ ...place, key: Name, value: Value }));
    }
    return [];
  });
}

/** Services that a function in a network uses without a route: tokens are signed, queues are polled for it. */
const needNoRoute = ['rds-db', 'elasticache', 'sqs', 'logs', 'ec2'];

/**
 * Functions with a network whose role allows a call that has no way there: by NAT, by an interface endpoint, or, for
 * S3, by the gateway endpoint.
 */
function unreachable(of: Synthesized): string[] {
  return of.all().flatMap(({ stack, region, logicalId, resource }) => {
    if (resource.Type !== 'AWS::Lambda::Function' || !resource.Properties?.['VpcConfig']) return [];
    const network = Object.values(of.resources(`${region}-network`));
    if (network.some(({ Type }) => Type === 'AWS::EC2::NatGateway')) return [];
    const endpoints = network
      .filter(({ Type }) => Type === 'AWS::EC2::VPCEndpoint')
      .map(({ Properties = {} }) => JSON.stringify(Properties['ServiceName']));
    const role = (resource.Properties['Role'] as Properties)['Fn::GetAtt'][0];
    const services = Object.values(of.resources(stack))
      .filter(({ Type, Properties = {} }) => Type === 'AWS::IAM::Policy' && refers(Properties['Roles'], role))
      .flatMap(
        ({ Properties = {} }): Properties[] => (Properties['PolicyDocument'] as Properties)['Statement'],
      )
      .flatMap((statement): string[] => [statement['Action']].flat())
      .map((action) => action.split(':')[0]!)
      .filter((service) => !needNoRoute.includes(service));
    return [...new Set(services)]
      .filter((service) => !endpoints.some((endpoint) => endpoint.includes(`.${service}`)))
      .map((service) => `${stack} ${logicalId.replace(/[0-9A-F]{8}$/, '')}: ${service}`);
  });
}

function refers(value: unknown, logicalId: string): boolean {
  return JSON.stringify(value).includes(`"${logicalId}"`);
}
