/** After the last journey: ends the shared run and removes what it kept. */

import './shared-run-start.ts';

export default async function stopSharedRun(): Promise<void> {
  const run = globalThis.sharedMeridianRun;
  await run?.stop();
  run?.forget();
}
