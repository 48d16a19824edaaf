/** A real cache in cluster mode, where this machine has one. */

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'iovalkey';
import { freePort } from './postgres.ts';

/** Program of the cache, or undefined when none is installed. */
export const cacheProgram = ['valkey-server', 'redis-server'].find(
  (program) => spawnSync(program, ['--version']).status === 0,
);

export interface CacheServer {
  readonly port: number;
  start(): Promise<void>;
  /** Ends it; `start` brings it back at the same port, empty. */
  stop(): Promise<void>;
  /** Ends it for good. */
  remove(): Promise<void>;
}

/** One node that holds all slots. */
export async function startCache(): Promise<CacheServer> {
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), 'meridian-cache-'));
  let child: ChildProcess | undefined;

  const server: CacheServer = {
    port,
    async start() {
      child = spawn(
        cacheProgram!,
        [
          ['--port', String(port)],
          ['--bind', '127.0.0.1'],
          ['--dir', folder],
          ['--save', ''],
          ['--cluster-enabled', 'yes'],
          ['--cluster-announce-ip', '127.0.0.1'],
          // The bus of a cluster of one needs a port all the same.
          ['--cluster-port', String(await freePort())],
        ].flat(),
        { stdio: 'ignore' },
      );
      await ready(port);
    },
    async stop() {
      if (!child || child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    },
    async remove() {
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  try {
    await server.start();
  } catch (error) {
    await server.remove();
    throw error;
  }
  return server;
}

async function ready(port: number): Promise<void> {
  const client = new Redis({ port, host: '127.0.0.1', retryStrategy: () => 20, maxRetriesPerRequest: null });
  client.on('error', () => {});
  try {
    const info = () => client.call('CLUSTER', 'INFO') as Promise<string>;
    if (!(await info()).includes('cluster_slots_assigned:16384')) {
      await client.call('CLUSTER', 'ADDSLOTSRANGE', '0', '16383');
    }
    for (let i = 0; i < 250; i++) {
      if ((await info()).includes('cluster_state:ok')) return;
      await sleep(20);
    }
    throw new Error(`the cache at port ${port} did not become ready`);
  } finally {
    client.disconnect();
  }
}
