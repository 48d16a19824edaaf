/** AWS::ApplicationAutoScaling::ScalableTarget of an ECS service: how many tasks there may be. */

import type { Activity, Declared, ResourceModule, Site } from '../resource.ts';

const type = 'AWS::ApplicationAutoScaling::ScalableTarget';

/** Only says something: the service asks. */
class ScalableTarget implements Activity {
  async start(): Promise<void> {}
  async stop(): Promise<void> {}
}

export const scalableTarget: ResourceModule = {
  type,
  identify: (declared) => ({
    ref: `${declared.require<string>('ResourceId')}|${declared.require<string>('ScalableDimension')}|ecs`,
    attributes: { Id: declared.logicalId },
  }),
  run: () => new ScalableTarget(),
};

/** Least number of tasks of a service: its scalable target's, else its own desired count. */
export function minimumTasks(service: Declared, serviceName: string, site: Site): number {
  const target = site
    .all(type)
    .map(({ declared }) => declared)
    .filter(({ region }) => region === service.region)
    .find((declared) => declared.require<string>('ResourceId').endsWith(`/${serviceName}`));
  return Number(target?.resolve('MinCapacity') ?? service.resolve('DesiredCount') ?? 1);
}
