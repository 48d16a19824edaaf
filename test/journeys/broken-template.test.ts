/** A mistake in a template breaks the local run as it would break a deploy, with a message that says where it is. */

import { globSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from '@jest/globals';
import { Session } from '../../local/session.ts';
import { synthesize } from '../../local/synthesize.ts';
import { project } from '../support/run.ts';

const stateRoot = join(project, '.meridian', `test-broken-${process.pid}`);
let session: Session | undefined;

afterEach(async () => {
  await session?.end();
  rmSync(stateRoot, { recursive: true, force: true });
}, 60_000);

interface Template {
  Resources: Record<string, { Type: string; Properties: Record<string, unknown> }>;
}

/** Starts `dev` from its real templates with one edit in the stack of the service. */
async function startWith(edit: (template: Template) => void): Promise<void> {
  session = await Session.open({
    project,
    environment: 'dev',
    stateRoot,
    fresh: true,
    port: 0,
    synthesize: async (options) => {
      await synthesize(options);
      const [file] = globSync('*service*.template.json', { cwd: options.outdir });
      const path = join(options.outdir, file!);
      const template: Template = JSON.parse(readFileSync(path, 'utf8'));
      edit(template);
      writeFileSync(path, JSON.stringify(template));
    },
  });
  await session.start();
}

const webContainer = ({ Resources }: Template) => {
  const [definition] = Object.values(Resources).filter(({ Type }) => Type === 'AWS::ECS::TaskDefinition');
  const [container] = definition!.Properties['ContainerDefinitions'] as [
    { Environment: { Name: string; Value: unknown }[] },
  ];
  return container.Environment;
};

test('a reference to a resource that is not there names stack, resource and property', async () => {
  const start = startWith((template) => {
    webContainer(template).find(({ Name }) => Name === 'JOB_QUEUE_URL')!.Value = { Ref: 'JobsQeueu' };
  });
  await expect(start).rejects.toThrow(
    /us-east-1-service, \w+ \(AWS::ECS::TaskDefinition\), Properties\.ContainerDefinitions\S*: Ref 'JobsQeueu': no such resource/,
  );
}, 120_000);

test('a variable of another name fails the start, and the message names resource and variable', async () => {
  const start = startWith((template) => {
    webContainer(template).find(({ Name }) => Name === 'JOB_QUEUE_URL')!.Name = 'QUEUE_URL';
  });
  await expect(start).rejects.toThrow(
    /us-east-1-service, \w+ \(AWS::ECS::Service\) did not start: .*missing environment variables: JOB_QUEUE_URL/,
  );
}, 180_000);
