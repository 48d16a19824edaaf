/** `npx meridian stop`: ends the run, and waits until its processes are gone. */

import { setTimeout as sleep } from 'node:timers/promises';
import { ControlClient } from '../local/control-client.ts';
import { isRunning } from '../local/process-identity.ts';
import { stateDirOption, stateRoot, type Verb } from './verb.ts';

/** Longest wait for the end, milliseconds. */
const longestMs = 60_000;

export const stop: Verb = (program) => {
  program
    .command('stop')
    .description('end the run')
    .option(...stateDirOption)
    .action(async ({ stateDir }: { stateDir: string }) => {
      const { client, file } = ControlClient.of(stateRoot(stateDir));
      await client.stop();
      const end = Date.now() + longestMs;
      while (isRunning(file.pid, file.started)) {
        if (Date.now() > end) throw new Error(`process ${file.pid} still runs after ${longestMs / 1000} s`);
        await sleep(100);
      }
      console.log('stopped');
    });
};
