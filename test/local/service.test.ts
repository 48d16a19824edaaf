/** A service behind its load balancer, from a hand-written template: real processes, real HTTP, a real host. */

import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { TemplateResource } from '../../local/assembly.ts';
import { service } from '../../local/resources/ecs-service.ts';
import { taskDefinition } from '../../local/resources/ecs-task-definition.ts';
import { listener } from '../../local/resources/listener.ts';
import { listenerRule } from '../../local/resources/listener-rule.ts';
import { loadBalancer } from '../../local/resources/load-balancer.ts';
import { scalableTarget } from '../../local/resources/scalable-target.ts';
import { targetGroup } from '../../local/resources/target-group.ts';
import { temporaryFolder } from '../support/assembly.ts';
import { ask } from '../support/parts.ts';
import { account, type SmallRun, smallRun } from '../support/small-run.ts';

const region = 'eu-west-1';
const modules = [loadBalancer, targetGroup, listener, listenerRule, taskDefinition, scalableTarget, service];
const folder = temporaryFolder();
const assets = new Map<string, string>();

/** An image of one file; returns what a container definition's Image says. */
function image(name: string, source: string): string {
  const path = join(folder, name);
  mkdirSync(path);
  writeFileSync(join(path, 'Dockerfile'), 'FROM node:24\nENV FROM_IMAGE=yes\nCMD ["node", "server.mjs"]\n');
  writeFileSync(join(path, 'server.mjs'), source);
  const hash = createHash('sha256').update(name).digest('hex');
  assets.set(hash, path);
  return `${account}.dkr.ecr.${region}.amazonaws.com/assets:${hash}`;
}

/** Answers what it knows of itself; ends in its own time when asked to. */
const server = image(
  'server',
  `import { createServer } from 'node:http';
const { PORT, VERSION, FROM_IMAGE, AWS_REGION } = process.env;
const known = { pid: process.pid, VERSION, FROM_IMAGE, AWS_REGION };
const server = createServer((request, response) => response.end(JSON.stringify(known)));
server.listen(Number(PORT), '127.0.0.1');
process.on('SIGTERM', () => server.close(() => process.exit()));`,
);
const broken = image('broken', 'console.error("no database"); process.exit(3);');

function resources(version: string, imageUri = server): Record<string, TemplateResource> {
  const elb = (type: string) => `AWS::ElasticLoadBalancingV2::${type}`;
  const forward = [{ Type: 'forward', TargetGroupArn: { Ref: 'Targets' } }];
  return {
    Balancer: { Type: elb('LoadBalancer'), Properties: { Scheme: 'internet-facing' } },
    Targets: {
      Type: elb('TargetGroup'),
      Properties: {
        Port: 80,
        Protocol: 'HTTP',
        HealthCheckPath: '/healthz',
        HealthCheckIntervalSeconds: 5,
        HealthCheckTimeoutSeconds: 2,
        TargetGroupAttributes: [
          { Key: 'deregistration_delay.timeout_seconds', Value: '30' },
          { Key: 'load_balancing.algorithm.type', Value: 'round_robin' },
        ],
      },
    },
    Https: {
      Type: elb('Listener'),
      Properties: {
        LoadBalancerArn: { Ref: 'Balancer' },
        Port: 443,
        Protocol: 'HTTPS',
        DefaultActions: [
          { Type: 'fixed-response', FixedResponseConfig: { StatusCode: '403', MessageBody: 'no' } },
        ],
      },
    },
    Verified: {
      Type: elb('ListenerRule'),
      Properties: {
        ListenerArn: { Ref: 'Https' },
        Priority: 10,
        Conditions: [
          {
            Field: 'http-header',
            HttpHeaderConfig: { HttpHeaderName: 'x-origin-verify', Values: ['secret'] },
          },
        ],
        Actions: forward,
      },
    },
    Task: {
      Type: 'AWS::ECS::TaskDefinition',
      Properties: {
        Family: 'web',
        ContainerDefinitions: [
          {
            Name: 'web',
            Image: imageUri,
            Environment: [
              { Name: 'VERSION', Value: version },
              { Name: 'PORT', Value: '8080' },
            ],
          },
        ],
      },
    },
    Web: {
      Type: 'AWS::ECS::Service',
      DependsOn: ['Verified'],
      Properties: {
        Cluster: 'cluster',
        ServiceName: 'web',
        TaskDefinition: { Ref: 'Task' },
        LoadBalancers: [{ ContainerName: 'web', ContainerPort: 8080, TargetGroupArn: { Ref: 'Targets' } }],
      },
    },
    Tasks: {
      Type: 'AWS::ApplicationAutoScaling::ScalableTarget',
      Properties: {
        MinCapacity: 2,
        MaxCapacity: 4,
        ResourceId: { 'Fn::Join': ['/', ['service', 'cluster', { 'Fn::GetAtt': ['Web', 'Name'] }]] },
        ScalableDimension: 'ecs:service:DesiredCount',
        ServiceNamespace: 'ecs',
      },
    },
  };
}

const stacksOf = (version: string, imageUri?: string) => ({
  service: { region, resources: resources(version, imageUri) },
});

describe('a service', () => {
  let small: SmallRun;
  beforeAll(async () => {
    small = await smallRun(stacksOf('1'), { modules, assets });
    await small.run.start();
  });
  afterAll(() => small?.close());

  const balancer = () => small.book.dial(small.attribute('service', 'Balancer', 'DNSName')).port;
  const askService = async () => {
    const { status, body } = await ask(balancer(), '/', { headers: { 'x-origin-verify': 'secret' } });
    return { status, ...(status === 200 && JSON.parse(body)) };
  };
  const tasks = () =>
    small.run.report({} as never).resources.find(({ logicalId }) => logicalId === 'Web')!.units;

  test('has its minimum of tasks when it has started, and they answer in turn', async () => {
    expect(tasks().map(({ state }) => state)).toEqual(['running', 'running']);
    const pids = new Set([(await askService()).pid, (await askService()).pid]);
    expect(pids).toEqual(new Set(tasks().map(({ pid }) => pid)));
  });

  test('gives a task the variables of image, template and machine', async () => {
    expect(await askService()).toMatchObject({ VERSION: '1', FROM_IMAGE: 'yes', AWS_REGION: region });
  });

  test('is reached only through a rule that holds', async () => {
    expect(await ask(balancer(), '/')).toMatchObject({ status: 403, body: 'no' });
  });

  test('a task that dies is replaced', async () => {
    const [lost] = tasks();
    const before = small.run.events.last;
    await small.run.stopUnit(region, 'Web', lost!.id);
    await small.event(({ event, detail }) => event === 'task started' && detail?.['task'] === '0', before);
    await small.event(({ event }) => event === 'healthy', before);
    expect(tasks().map(({ pid }) => pid)).not.toContain(lost!.pid);
    expect(tasks().map(({ state }) => state)).toEqual(['running', 'running']);
  });

  test('can be stopped and started', async () => {
    await small.run.stopResource(region, 'Web');
    expect(tasks()).toEqual([]);
    expect((await askService()).status).toBe(503);
    await small.run.startResource(region, 'Web');
    expect((await askService()).status).toBe(200);
  });

  test('a new version takes over without a request failing', async () => {
    const next = await smallRun(stacksOf('2'), { modules, assets });
    const assembly = next.assembly;
    await next.close();
    let over = false;
    const statuses: number[] = [];
    const load = (async () => {
      while (!over) statuses.push((await askService()).status);
    })();
    const adopted = await small.run.adopt(assembly);
    over = true;
    await load;
    expect(adopted).toEqual({ restarted: [`${region}/Web`] });
    expect((await askService()).VERSION).toBe('2');
    expect(new Set(statuses)).toEqual(new Set([200]));
    expect(tasks()).toHaveLength(2);
  });

  test('a version that does not start leaves the old one', async () => {
    const next = await smallRun(stacksOf('3', broken), { modules, assets });
    const assembly = next.assembly;
    await next.close();
    await expect(small.run.adopt(assembly)).rejects.toThrow(
      /a new task ended \(exit code 3(, no database)?\)/,
    );
    expect(await askService()).toMatchObject({ status: 200, VERSION: '2' });
  });
});

test('tasks that never become healthy fail the start with a sentence', async () => {
  const small = await smallRun(stacksOf('1', broken), { modules, assets });
  try {
    await expect(small.run.start()).rejects.toThrow(
      /Web .*3 tasks in a row ended \(the last: exit code 3, no database\) before they were healthy; npx meridian logs eu-west-1 Web/,
    );
  } finally {
    await small.close();
  }
});
