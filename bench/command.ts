/** Runs a command and measures its CPU time, wall time and peak memory, children included. */

import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';

export interface Usage {
  readonly wallMs: number;
  /** User and system time of the command and all it waited for. */
  readonly cpuMs: number;
  /** Largest resident set of the command alone or of one of its children, in MiB. */
  readonly peakMiB: number;
}

const python = `
import json, os, resource, subprocess, sys, time
started = time.monotonic()
code = subprocess.call(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=sys.stderr)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
unit = 1024 * 1024 if sys.platform == "darwin" else 1024
os.write(3, json.dumps({"code": code, "wallMs": (time.monotonic() - started) * 1000,
  "cpuMs": (used.ru_utime + used.ru_stime) * 1000, "peakMiB": used.ru_maxrss / unit}).encode())
`;

/**
 * Runs a command to its end. Node cannot read what its children used, so a line of Python does.
 * @throws Error when the command fails, or python3 is missing.
 */
export function usageOf(
  command: readonly string[],
  options: { cwd: string; env?: Record<string, string> },
): Promise<Usage> {
  return new Promise((resolve, reject) => {
    const child = spawn('python3', ['-c', python, ...command], {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
    });
    let report = '';
    let errors = '';
    child.stdio[3]!.on('data', (chunk) => {
      report += chunk;
    });
    child.stderr!.on('data', (chunk) => {
      errors += chunk;
    });
    child.once('error', (error) => reject(new Error(`python3 is needed to measure: ${error.message}`)));
    child.once('close', () => {
      const { code, ...usage } = JSON.parse(report || '{"code":-1}');
      if (code === 0) resolve(usage);
      else reject(new Error(`'${command.join(' ')}' ended with ${code}:\n${errors.slice(-2000)}`));
    });
  });
}

/** CPU seconds and resident MiB of a process and all its descendants, from /proc. Linux only. */
export function treeUsage(pid: number): { cpuSeconds: number; residentMiB: number; processes: number } {
  const pids = descendants(pid);
  let ticks = 0;
  let pages = 0;
  for (const each of pids) {
    const stat = read(`/proc/${each}/stat`);
    if (!stat) continue;
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    ticks += Number(fields[11]) + Number(fields[12]);
    // Private and shared pages once each: Pss counts a page shared by n processes as 1/n.
    const rollup = read(`/proc/${each}/smaps_rollup`);
    pages += Number(/^Pss:\s+(\d+)/m.exec(rollup ?? '')?.[1] ?? 0);
  }
  return { cpuSeconds: ticks / 100, residentMiB: pages / 1024, processes: pids.length };
}

function descendants(pid: number): number[] {
  const children = read(`/proc/${pid}/task/${pid}/children`)?.trim();
  return [pid, ...(children ? children.split(/\s+/).map(Number).flatMap(descendants) : [])];
}

function read(file: string): string | undefined {
  return existsSync(file) ? tryRead(file) : undefined;
}

function tryRead(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined; // It ended meanwhile.
  }
}
