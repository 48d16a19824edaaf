/** `npx meridian down REGION [RESOURCE] [UNIT]`: takes away a region, a resource or one of its processes. */

import { ControlClient } from '../local/control-client.ts';
import { stateDirOption, stateRoot, type Verb } from './verb.ts';

export const down: Verb = (program) => {
  program
    .command('down')
    .description('take away a region, a resource of it, or one process of a resource')
    .argument('<region>')
    .argument('[resource]', 'logical id, or its beginning')
    .argument('[unit]', 'as `npx meridian status` lists them; what the template keeps up comes back')
    .option(...stateDirOption)
    .action(async (region: string, resource: string | undefined, unit: string | undefined, { stateDir }) => {
      const { client } = ControlClient.of(stateRoot(stateDir));
      if (unit !== undefined) await client.stopUnit(region, resource!, unit);
      else if (resource !== undefined) await client.stopResource(region, resource);
      else await client.stopRegion(region);
      console.log(`${[region, resource, unit].filter(Boolean).join(' ')} is down`);
    });
};
