/** `.meridian/run.json`: says that a run is there and how to reach its control interface; at most one per folder. */

import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isRunning, startOf } from './process-identity.ts';

export interface RunFile {
  readonly pid: number;
  /** Start of the process, so that a later process with its id is not taken for it. */
  readonly started: string;
  readonly environment: string;
  /** ISO 8601. */
  readonly startedAt: string;
  /** Control interface, as `http://127.0.0.1:40001`; absent until it listens. */
  readonly address?: string;
  readonly token?: string;
  /** The process that ends the run's processes when the run dies. */
  readonly reaper?: { readonly pid: number; readonly started: string };
  /** What a person opens, as `http://localhost:8080`; absent until the port is chosen. */
  readonly site?: string;
}

const path = (stateRoot: string): string => join(stateRoot, 'run.json');

/** Longest wait for the processes of a run that died, milliseconds. */
const longestReapMs = 5_000;

/**
 * Takes the folder for this process, after the processes of a run that died there have ended.
 * @throws Error when another run has it, with how to reach or end that one.
 */
export async function claim(stateRoot: string, environment: string): Promise<RunFile> {
  mkdirSync(stateRoot, { recursive: true });
  const other = parse(stateRoot);
  if (other && isRunning(other.pid, other.started)) {
    throw new Error(
      `Meridian already runs here: environment '${other.environment}'${other.site ? ` at ${other.site}` : ''}, ` +
        `process ${other.pid}, since ${other.startedAt}. See it with 'npx meridian status', end it with 'npx meridian stop'.`,
    );
  }
  const end = Date.now() + longestReapMs;
  while (other?.reaper && isRunning(other.reaper.pid, other.reaper.started) && Date.now() < end)
    await sleep(50);
  const mine: RunFile = {
    pid: process.pid,
    started: startOf(process.pid) ?? '',
    environment,
    startedAt: new Date().toISOString(),
  };
  rmSync(path(stateRoot), { force: true });
  try {
    writeFileSync(path(stateRoot), JSON.stringify(mine), { mode: 0o600, flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    throw new Error(`another start took ${path(stateRoot)} at the same moment: try again`);
  }
  return mine;
}

/** Replaces what the file says. */
export function publish(stateRoot: string, file: RunFile): void {
  writeFileSync(`${path(stateRoot)}.new`, JSON.stringify(file, null, 2), { mode: 0o600 });
  renameSync(`${path(stateRoot)}.new`, path(stateRoot));
}

export function release(stateRoot: string): void {
  rmSync(path(stateRoot), { force: true });
}

/** The run of a folder, or undefined when there is none; a file that a dead run left counts as none. */
export function read(stateRoot: string): RunFile | undefined {
  const file = parse(stateRoot);
  return file && isRunning(file.pid, file.started) ? file : undefined;
}

function parse(stateRoot: string): RunFile | undefined {
  if (!existsSync(path(stateRoot))) return undefined;
  try {
    return JSON.parse(readFileSync(path(stateRoot), 'utf8'));
  } catch {
    // Half written by a process that died: as good as none.
    return undefined;
  }
}
