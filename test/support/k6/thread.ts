/** One VU: a thread that loads the script in k6's surroundings and calls its functions one at a time. */

import { pathToFileURL } from 'node:url';
import { inspect } from 'node:util';
import { parentPort } from 'node:worker_threads';
import { Interrupted, vu } from './api/vu.ts';
import type { Ended, Run } from './messages.ts';
import { closeSandbox } from './sandbox.ts';

const port = parentPort!;
const now = performance.now.bind(performance);

type Exports = Readonly<Record<string, unknown>>;

try {
  closeSandbox(vu.data);
  const script: Exports = await import(pathToFileURL(vu.data.script).href);
  vu.phase = 'run';
  vu.flush();
  port.on('message', async (message: Run) => vu.say({ kind: 'ended', ...(await run(script, message)) }));
  vu.say({
    kind: 'ready',
    options: plain(script['options']),
    functions: Object.keys(script).filter((name) => typeof script[name] === 'function'),
  });
} catch (error) {
  vu.say({ kind: 'ended', error: describe(error), interrupted: false, durationMs: 0 });
}

async function run(script: Exports, { exec, data, place }: Run): Promise<Ended> {
  vu.begin(place);
  const started = now();
  try {
    const work = script[exec] as (...args: unknown[]) => unknown;
    const value = await work(...data.map((json) => (json === undefined ? undefined : JSON.parse(json))));
    return { value: value === undefined ? undefined : JSON.stringify(value), ...ended() };
  } catch (error) {
    return { ...ended(), ...(!(error instanceof Interrupted) && { error: describe(error) }) };
  } finally {
    vu.flush();
  }

  function ended() {
    return { interrupted: vu.interrupted, durationMs: now() - started };
  }
}

/** Options travel as JSON would have them: a function among them is nobody's meaning. */
function plain(options: unknown): unknown {
  return options === undefined ? undefined : JSON.parse(JSON.stringify(options));
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : inspect(error);
}
