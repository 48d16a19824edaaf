/** Child processes of the run: one way to start, watch, log and end them. */

import type { ChildProcess } from 'node:child_process';

export interface ProcessSpec {
  readonly region: string;
  /** Logical id of the resource it belongs to, and which of its processes this is. */
  readonly resource: string;
  readonly unit?: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd?: string;
  /** The whole environment: nothing is inherited but PATH and HOME. */
  readonly env?: Readonly<Record<string, string>>;
  readonly uid?: number;
  readonly gid?: number;
  /** Open an IPC channel; a Node child is then made to exit when the channel closes. @default false */
  readonly ipc?: boolean;
  /** SIGTERM to SIGKILL when it is stopped, in milliseconds. @default 5000 */
  readonly graceMs?: number;
}

/** A child process that is written to a log, registered for clean-up and ended with the run. */
export interface Managed {
  readonly child: ChildProcess;
  readonly pid: number;
  /** Resolves when it has ended, for whatever reason. */
  readonly exited: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
  readonly running: boolean;
  /** SIGTERM, then SIGKILL after its grace. */
  stop(): Promise<void>;
  /** At once, as a fault does. */
  kill(): Promise<void>;
}

export interface Processes {
  spawn(spec: ProcessSpec): Managed;
  /** A folder for a resource's data, made on first use, that outlives a restart of the run. */
  dataDir(region: string, resource: string): string;
}
