/** One PostgreSQL server. */

import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Managed, Processes } from '../processes.ts';
import { Supervised, type SupervisedOptions } from '../supervised.ts';
import type { Binaries } from './binaries.ts';

export interface ServerOptions extends Pick<SupervisedOptions, 'port' | 'emit'> {
  readonly processes: Processes;
  readonly binaries: Binaries;
  readonly region: string;
  readonly resource: string;
  readonly dataDir: string;
  /** Called before every start, the first included: writes the configuration. */
  readonly prepare: () => Promise<void>;
}

/** Longest that the fast shutdown may take, in milliseconds. */
const shutdownMs = 10_000;

/** A server over a data directory: a direct child, so that its end is seen at once. */
export function postgresServer(options: ServerOptions): Supervised {
  const { processes, binaries, region, resource, dataDir, port, prepare, emit } = options;
  return new Supervised({
    name: `${region}/${resource}`,
    port,
    emit,
    end: endFast,
    // The status line that pg_ctl reads too.
    isReady({ pid }) {
      const lines = readFileSync(join(dataDir, 'postmaster.pid'), 'utf8').split('\n');
      return Number(lines[0]) === pid && lines[7]?.trim() === 'ready';
    },
    async launch() {
      await prepare();
      return processes.spawn({
        region,
        resource,
        unit: 'postgres',
        command: binaries.postgres,
        args: ['-D', dataDir],
        cwd: dirname(dataDir),
        env: { LC_ALL: 'C' },
        graceMs: shutdownMs,
        ...binaries.owner,
      });
    },
  });
}

/** SIGTERM alone would wait until every client has gone ("smart shutdown"). */
async function endFast(server: Managed): Promise<void> {
  server.child.kill('SIGINT');
  await Promise.race([server.exited, delay(shutdownMs, undefined, { ref: false })]);
  await server.stop();
}
