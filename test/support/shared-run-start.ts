/** Before the first journey: starts the run that all of them share. */

import { type OwnRun, sharedRunVariable, startRun } from './run.ts';

declare global {
  var sharedMeridianRun: OwnRun | undefined;
}

export default async function startSharedRun(): Promise<void> {
  const run = await startRun({ name: `test-${process.pid}`, flags: ['--fresh'] });
  globalThis.sharedMeridianRun = run;
  process.env[sharedRunVariable] = run.stateRoot;
}
