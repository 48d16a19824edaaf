/** AWS::ECS::TaskDefinition: what a service starts. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { arnOf } from '../arn.ts';
import { parseDockerfile } from '../dockerfile.ts';
import type { Declared, ResourceModule, Site } from '../resource.ts';

export const taskDefinition: ResourceModule = {
  type: 'AWS::ECS::TaskDefinition',
  identify(declared, { account }) {
    const family = declared.resolve<string>('Family') ?? `${declared.stackName}-${declared.logicalId}`;
    const arn = arnOf('ecs', declared.region, account, `task-definition/${family}:1`);
    return { ref: arn, attributes: { TaskDefinitionArn: arn } };
  },
};

interface Container {
  readonly Name: string;
  readonly Essential?: boolean;
  readonly Environment?: readonly { readonly Name: string; readonly Value: string }[];
  readonly Secrets?: readonly { readonly Name: string; readonly ValueFrom: string }[];
  /** Seconds. */
  readonly StopTimeout?: number;
}

/** How to start a process that is one container of a task. */
export interface ContainerProcess {
  readonly folder: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** SIGTERM to SIGKILL, milliseconds. Running code ends in its own time, so no clock scales it. */
  readonly stopMs: number;
}

/** The container of a task definition by its name, as a process of this machine. */
export function containerProcess(declared: Declared, name: string | undefined, site: Site): ContainerProcess {
  const containers = declared.require<Container[]>('ContainerDefinitions');
  const at = Math.max(
    0,
    containers.findIndex((one) => one.Name === name),
  );
  const container = containers[at]!;
  const folder = declared.asset(`ContainerDefinitions.${at}.Image`);
  const launch = parseDockerfile(readFileSync(join(folder, 'Dockerfile'), 'utf8'));
  const [program, ...args] = launch.command as [string, ...string[]];
  return {
    folder,
    // The same Node that runs this, not whichever the machine has.
    command: program === 'node' ? process.execPath : program,
    args,
    environment: {
      ...launch.environment,
      ...Object.fromEntries((container.Environment ?? []).map(({ Name, Value }) => [Name, String(Value)])),
      ...Object.fromEntries(
        (container.Secrets ?? []).map(({ Name, ValueFrom }) => [Name, secretValue(ValueFrom, site)]),
      ),
      ...site.localVariables(declared.region),
    },
    stopMs: 1000 * (container.StopTimeout ?? 30),
  };
}

/** `arn:…:secret:NAME-abcdef[:FIELD::]` ("Pass Secrets Manager secrets through Amazon ECS environment variables"). */
function secretValue(from: string, site: Site): string {
  const [, arn, field] = /^((?:[^:]*:){6}[^:]+)(?::([^:]*).*)?$/.exec(from) ?? [];
  const value = site.secret(arn ?? from);
  return field ? String(JSON.parse(value)[field]) : value;
}
