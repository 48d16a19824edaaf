/** Runs a k6 script by the harness, in a process of its own, as a user would run k6. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Addresses } from './resolver.ts';
import type { RunResult } from './run.ts';

export interface K6Options {
  readonly env?: Readonly<Record<string, string>>;
  readonly timeScale?: number;
  readonly rateScale?: number;
  /** DNS server as `host:port`. */
  readonly dns?: string;
  readonly addresses?: Addresses;
  /** Milliseconds after which the run is killed. @default 60,000 */
  readonly limitMs?: number;
}

export interface K6Ended {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Absent when the run ended before its end. */
  readonly result: Omit<RunResult, 'outputs'> | undefined;
}

export interface K6Run {
  readonly ended: Promise<K6Ended>;
  /** Resolves when the run says this on stderr; rejects when it ends without. */
  says(text: string): Promise<void>;
  /** Ends it now. */
  kill(): void;
}

const main = join(import.meta.dirname, 'main.ts');

/** Starts a run of a script. */
export function startK6(script: string, options: K6Options = {}): K6Run {
  const scratch = mkdtempSync(join(tmpdir(), 'k6-'));
  const file = join(scratch, 'result.json');
  const args = [main, '--result', file];
  for (const [name, value] of Object.entries(options.env ?? {})) args.push('-e', `${name}=${value}`);
  if (options.timeScale) args.push('--time-scale', String(options.timeScale));
  if (options.rateScale) args.push('--rate-scale', String(options.rateScale));
  if (options.dns) args.push('--dns', options.dns);
  if (options.addresses) {
    writeFileSync(join(scratch, 'addresses.json'), JSON.stringify(options.addresses));
    args.push('--addresses', join(scratch, 'addresses.json'));
  }
  const child = spawn(process.execPath, [...args, script], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'], NODE_COMPILE_CACHE: join(tmpdir(), 'meridian-compile-cache') },
  });
  const kill = (): void => void child.kill('SIGKILL');
  process.once('exit', kill);
  const limit = setTimeout(kill, options.limitMs ?? 60_000);
  let stdout = '';
  let stderr = '';
  const waiting = new Set<() => void>();
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
    for (const look of waiting) look();
  });
  const ended = once(child, 'close').then(([exitCode]): K6Ended => {
    clearTimeout(limit);
    process.removeListener('exit', kill);
    const result = read(file);
    rmSync(scratch, { recursive: true, force: true });
    for (const look of waiting) look();
    return { exitCode, stdout, stderr, result };
  });
  return {
    ended,
    kill,
    says: (text) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          if (stderr.includes(text)) resolve();
          else if (child.exitCode !== null || child.signalCode !== null) {
            reject(new Error(`k6 ended without saying '${text}':\n${stderr}`));
          } else return;
          waiting.delete(look);
        };
        waiting.add(look);
        look();
      }),
  };
}

/** Runs a script to its end. */
export const runK6 = (script: string, options?: K6Options): Promise<K6Ended> =>
  startK6(script, options).ended;

function read(file: string): K6Ended['result'] {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}
