/** `npx meridian up REGION [RESOURCE]`: brings back what `down` took away. */

import { ControlClient } from '../local/control-client.ts';
import { stateDirOption, stateRoot, type Verb } from './verb.ts';

export const up: Verb = (program) => {
  program
    .command('up')
    .description('bring back a region or a resource')
    .argument('<region>')
    .argument('[resource]', 'logical id, or its beginning')
    .option(...stateDirOption)
    .action(async (region: string, resource: string | undefined, { stateDir }: { stateDir: string }) => {
      const { client } = ControlClient.of(stateRoot(stateDir));
      if (resource !== undefined) await client.startResource(region, resource);
      else await client.startRegion(region);
      console.log(`${[region, resource].filter(Boolean).join(' ')} is up`);
    });
};
