/**
 * Ends the run's processes when the run cannot: it holds the other end of a pipe, and the system closes the pipe
 * however the run dies. It reads `+PID START` and `-PID` lines and runs in a session of its own.
 */

import { createInterface } from 'node:readline';
import { isRunning } from './process-identity.ts';

/** SIGTERM to SIGKILL, milliseconds. */
const graceMs = 2_000;

const processes = new Map<number, string>();

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});

const lines = createInterface({ input: process.stdin });
lines.on('line', (line) => {
  const [pid, start = ''] = line.slice(1).split(' ');
  if (line.startsWith('+')) processes.set(Number(pid), start);
  else processes.delete(Number(pid));
});
lines.on('close', () => void reap());

async function reap(): Promise<void> {
  const alive = () => [...processes].filter(([pid, start]) => isRunning(pid, start)).map(([pid]) => pid);
  for (const pid of alive()) signalGroup(pid, 'SIGTERM');
  const end = Date.now() + graceMs;
  while (alive().length > 0 && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 50));
  for (const pid of alive()) signalGroup(pid, 'SIGKILL');
}

/** Every child leads a group of its own, so its own children go with it. */
function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // It ended in between.
  }
}
