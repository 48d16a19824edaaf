/** The program that is the cache: Valkey or Redis where this machine has one, else the embedded server. */

import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** How much a region's cache may hold here. */
export const maxMemoryMiB = 64;

export interface CacheProgram {
  /** As `valkey 8.1.4`, or `embedded`. */
  readonly name: string;
  readonly command: string;
  readonly args: (options: CacheOptions) => readonly string[];
  /** Whether the slots have to be given to the node once it runs. */
  readonly takesSlots: boolean;
}

export interface CacheOptions {
  readonly port: number;
  /** Where the nodes of a cluster talk to each other; one node needs it too. */
  readonly busPort: number;
  readonly dataDir: string;
  readonly policy: string;
}

/** Cluster mode on a port of one's own choice for the bus, and several slots in one command, came with Redis 7. */
const oldestMajor = 7;

export const embedded: CacheProgram = {
  name: 'embedded',
  command: process.execPath,
  args: ({ port, policy }) => [fileURLToPath(new URL('./server.ts', import.meta.url)), String(port), policy],
  takesSlots: false,
};

/** The best program of this machine. */
export function findCacheProgram(candidates = ['valkey-server', 'redis-server']): CacheProgram {
  for (const command of candidates) {
    const version = versionOf(command);
    if (version && Number(version.split('.')[0]) >= oldestMajor) {
      return {
        name: `${command.replace('-server', '')} ${version}`,
        command,
        args: serverArgs,
        takesSlots: true,
      };
    }
  }
  return embedded;
}

function versionOf(command: string): string | undefined {
  try {
    const text = execFileSync(command, ['--version'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return /v=(\d+\.\d+\.\d+)/.exec(text)?.[1];
  } catch {
    return undefined;
  }
}

/** A cache keeps nothing on disk but the list of its cluster's nodes. */
const serverArgs = ({ port, busPort, dataDir, policy }: CacheOptions): string[] =>
  Object.entries({
    port,
    bind: '127.0.0.1',
    'cluster-enabled': 'yes',
    'cluster-port': busPort,
    'cluster-announce-ip': '127.0.0.1',
    'cluster-config-file': `nodes-${port}.conf`,
    dir: dataDir,
    save: '',
    appendonly: 'no',
    maxmemory: `${maxMemoryMiB}mb`,
    'maxmemory-policy': policy,
  }).flatMap(([name, value]) => [`--${name}`, String(value)]);
