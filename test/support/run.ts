/**
 * A whole run for tests. The journeys share one, which is started before the first file and ended after the last;
 * after each file whatever was stopped in it is started again and the run must be healthy.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ControlClient } from '../../local/control-client.ts';
import { forgetState } from '../../local/data-root.ts';
import { isRunning, startOf } from '../../local/process-identity.ts';
import { read } from '../../local/run-file.ts';
import type { RunReport } from '../../local/state.ts';

export const project = join(import.meta.dirname, '../..');

/** Environment variable that carries the shared run's folder from the set-up to the tests. */
export const sharedRunVariable = 'MERIDIAN_TEST_RUN';

/** Longest wait for a run to be ready, to heal or to end, milliseconds: a busy machine takes several times as long. */
const longestMs = 90_000;

export interface TestRun {
  /** Base address of the site, as `http://localhost:40123`. */
  readonly site: string;
  readonly control: ControlClient;
  /** Folder of run.json. */
  readonly stateRoot: string;
}

/** A run that a test has for itself. */
export interface OwnRun extends TestRun {
  readonly pid: number;
  /** Ends it as Ctrl-C does, and waits for that. */
  stop(): Promise<void>;
  /** As the machine's own death: no goodbye. */
  kill(): Promise<void>;
  /** Removes its state and data. */
  forget(): void;
}

export interface OwnRunOptions {
  /** @default local */
  readonly environment?: string;
  /** Folder below `.meridian`; the same name finds the data of an earlier run. */
  readonly name: string;
  /** More flags of `npx meridian start`. */
  readonly flags?: readonly string[];
}

/** Starts a run and waits until it is ready. Throws with what it wrote when it ends before. */
export async function startRun({ environment = 'local', name, flags = [] }: OwnRunOptions): Promise<OwnRun> {
  const stateRoot = join(project, '.meridian', name);
  const child = spawn(
    process.execPath,
    [
      'bin/meridian.ts',
      'start',
      environment,
      '--state-dir',
      stateRoot,
      '--port',
      '0',
      '--no-samples',
      ...flags,
    ],
    { cwd: project, stdio: ['ignore', 'pipe', 'pipe'], detached: true },
  );
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (said += chunk));
  const exited = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const ended = exited.then(() => {
    throw new Error(`the run ended before it was ready:\n${said}`);
  });
  try {
    const file = await Promise.race([ready(stateRoot), ended]);
    ended.catch(() => {});
    return {
      ...testRun(stateRoot),
      pid: file.pid,
      stop: () => end(child, exited, 'SIGTERM'),
      kill: () => end(child, exited, 'SIGKILL'),
      forget: () => {
        forgetState(join(stateRoot, environment));
        rmSync(stateRoot, { recursive: true, force: true });
      },
    };
  } catch (error) {
    ended.catch(() => {});
    await end(child, exited, 'SIGTERM');
    throw error;
  }
}

/** The run that all journeys share. */
export function sharedRun(): TestRun {
  const stateRoot = process.env[sharedRunVariable];
  if (!stateRoot)
    throw new Error(`${sharedRunVariable} is not set: only the project 'journeys' has a shared run`);
  return testRun(stateRoot);
}

/** Starts whatever is stopped and waits until all of it does its work. Throws with what does not. */
export async function heal({ control }: TestRun): Promise<void> {
  const { hosts, resources } = await control.state();
  for (const { region, alive } of hosts) if (!alive) await control.startRegion(region);
  for (const { region, stack, logicalId, state } of resources) {
    const started = state === 'running' || hosts.some((host) => host.region === region && !host.alive);
    if (!started) await control.startResource(region, `${stack}/${logicalId}`);
  }
  const end = Date.now() + longestMs;
  for (;;) {
    const wrong = unhealthy(await control.state());
    if (wrong.length === 0) return;
    if (Date.now() > end)
      throw new Error(`not healthy again within ${longestMs / 1000} s: ${wrong.join(', ')}`);
    await sleep(100);
  }
}

/** What does not do its work: resources that do not run, units, tasks and targets that are not healthy. */
export function unhealthy({ resources, hosts }: RunReport): string[] {
  return [
    ...hosts.filter(({ alive }) => !alive).map(({ region }) => `host of ${region}`),
    ...resources
      .filter(({ state, units, describe }) => {
        const { wanted, healthy } = describe as { wanted?: number; healthy?: number | boolean };
        const short = typeof wanted === 'number' && wanted !== healthy;
        return (
          state !== 'running' || short || healthy === false || units.some((unit) => unit.state !== 'running')
        );
      })
      .map(({ region, logicalId, state, reason }) =>
        `${region}/${logicalId} ${state} ${reason ?? ''}`.trim(),
      ),
  ];
}

function testRun(stateRoot: string): TestRun {
  const { client, file } = ControlClient.of(stateRoot);
  return { site: file.site!, control: client, stateRoot };
}

async function ready(stateRoot: string) {
  const end = Date.now() + longestMs;
  while (Date.now() < end) {
    const file = read(stateRoot);
    if (file?.address && file.token) {
      const state = await new ControlClient(file.address, file.token).state().catch(() => undefined);
      if (state?.phase === 'ready') return file;
    }
    await sleep(100);
  }
  throw new Error(`the run was not ready within ${longestMs / 1000} s`);
}

async function end(child: ChildProcess, exited: Promise<void>, signal: NodeJS.Signals): Promise<void> {
  const { pid } = child;
  const start = pid === undefined ? undefined : startOf(pid);
  child.kill(signal);
  const late = setTimeout(() => {
    if (pid !== undefined && isRunning(pid, start)) child.kill('SIGKILL');
  }, longestMs);
  await exited;
  clearTimeout(late);
}
