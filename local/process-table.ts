/** The run's child processes: each in a group of its own, logged, known to the reaper, ended with the run. */

import { type ChildProcess, type ChildProcessByStdio, spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { dataRoot } from './data-root.ts';
import { Logs, logFile } from './logs.ts';
import { startOf } from './process-identity.ts';
import type { Managed, Processes, ProcessSpec } from './processes.ts';

const exitWithParent = new URL('./exit-with-parent.ts', import.meta.url).href;
const reaperEntry = fileURLToPath(new URL('./reaper.ts', import.meta.url));

export class ProcessTable implements Processes {
  readonly logs = new Logs();
  readonly #stateDir: string;
  readonly #node: Readonly<Record<string, string>>;
  readonly #children = new Set<ManagedProcess>();
  readonly #reaper: ChildProcessByStdio<Writable, null, null>;

  /**
   * @param stateDir folder of logs and data
   * @param compileCache folder in which Node keeps compiled programs: a third of the work of a start
   */
  constructor(stateDir: string, compileCache?: string) {
    this.#stateDir = stateDir;
    this.#node = compileCache === undefined ? {} : { NODE_COMPILE_CACHE: compileCache };
    this.#reaper = spawn(process.execPath, [reaperEntry], {
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
      env: { ...process.env, ...this.#node },
    });
    // Without a reaper the run still works; only its own sudden death would leave processes behind.
    this.#reaper.on('error', () => {});
    this.#reaper.stdin.on('error', () => {});
    this.#reaper.unref();
  }

  spawn(spec: ProcessSpec): Managed {
    const { command, args, cwd, uid, gid, ipc = false, graceMs = 5_000 } = spec;
    const { PATH = '', HOME = '' } = process.env;
    const child = spawn(command, args, {
      cwd,
      uid,
      gid,
      // A group of its own: Ctrl-C in a terminal reaches only the run, which stops the others in order.
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe', ...(ipc ? (['ipc'] as const) : [])],
      env: {
        PATH,
        HOME,
        ...(command === process.execPath && this.#node),
        ...spec.env,
        ...(ipc && { NODE_OPTIONS: nodeOptions(spec.env) }),
      },
    });
    const file = logFile(this.#stateDir, spec.region, spec.resource, spec.unit);
    for (const stream of [child.stdout, child.stderr]) this.logs.follow(stream as Readable, file);
    const managed = new ManagedProcess(child, spec.region, graceMs, (line) => this.logs.line(file, line));
    if (child.pid !== undefined) {
      const { pid } = child;
      this.#children.add(managed);
      this.#reaper.stdin.write(`+${pid} ${startOf(pid) ?? ''}\n`);
      void managed.exited.then(() => {
        this.#children.delete(managed);
        this.#reaper.stdin.write(`-${pid}\n`);
      });
    }
    return managed;
  }

  dataDir(region: string, resource: string): string {
    const path = join(dataRoot(this.#stateDir), region, resource);
    mkdirSync(path, { recursive: true });
    return path;
  }

  /** The process that ends the others when this one dies. */
  get reaper(): { readonly pid: number; readonly started: string } {
    const pid = this.#reaper.pid ?? 0;
    return { pid, started: startOf(pid) ?? '' };
  }

  /** Ends every process of a region at once. */
  async killRegion(region: string): Promise<void> {
    const lost = [...this.#children].filter((child) => child.region === region);
    await Promise.all(lost.map((child) => child.kill()));
  }

  /** Ends what is still running, at once when asked, and the reaper with it. */
  async close(how: 'stop' | 'kill' = 'stop'): Promise<void> {
    await Promise.all([...this.#children].map((child) => child[how]()));
    const ended = new Promise((resolve) => this.#reaper.once('close', resolve));
    this.#reaper.ref();
    this.#reaper.stdin.end();
    if (this.#reaper.exitCode === null && this.#reaper.pid !== undefined) await ended;
    this.logs.close();
  }
}

class ManagedProcess implements Managed {
  readonly child: ChildProcess;
  readonly region: string;
  readonly exited: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
  readonly #graceMs: number;
  #running: boolean;

  constructor(child: ChildProcess, region: string, graceMs: number, log: (line: string) => void) {
    this.child = child;
    this.region = region;
    this.#graceMs = graceMs;
    this.#running = child.pid !== undefined;
    this.exited = new Promise((resolve) => {
      child.once('error', (error) => {
        log(`${child.spawnfile}: ${error.message}`);
        if (child.pid !== undefined) return;
        resolve({ code: null, signal: null });
      });
      child.once('exit', (code, signal) => {
        this.#running = false;
        resolve({ code, signal });
      });
    });
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  get running(): boolean {
    return this.#running;
  }

  async stop(): Promise<void> {
    if (!this.#running) return;
    this.child.kill('SIGTERM');
    const timer = setTimeout(() => void this.kill(), this.#graceMs);
    await this.exited;
    clearTimeout(timer);
  }

  async kill(): Promise<void> {
    if (!this.#running) return;
    try {
      process.kill(-this.pid, 'SIGKILL');
    } catch {
      this.child.kill('SIGKILL');
    }
    await this.exited;
  }
}

function nodeOptions(env: Readonly<Record<string, string>> = {}): string {
  return [env['NODE_OPTIONS'], `--import=${exitWithParent}`].filter(Boolean).join(' ');
}
