import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { isRunning, startOf } from '../../local/process-identity.ts';
import { ProcessTable } from '../../local/process-table.ts';
import type { Managed } from '../../local/processes.ts';
import { temporaryFolder } from '../support/assembly.ts';

const stateDir = temporaryFolder();
let table: ProcessTable;
beforeEach(() => {
  table = new ProcessTable(stateDir);
});
afterEach(() => table.close('kill'));

/** A Node process that runs a line of code. */
const run = (resource: string, code: string, more: { ipc?: boolean; graceMs?: number } = {}): Managed =>
  table.spawn({ region: 'eu-west-1', resource, command: process.execPath, args: ['-e', code], ...more });

const said = (managed: Managed): Promise<unknown> => once(managed.child.stdout!, 'data');

test('a child writes whole lines to its log, and inherits nothing but PATH and HOME', async () => {
  process.env['MERIDIAN_TEST_SECRET'] = 'x';
  const child = run(
    'Talker',
    `process.stdout.write('one '); process.stderr.write('warn\\n'); process.stdout.write('two\\n');
     console.log(Object.keys(process.env).sort().join())`,
  );
  await once(child.child, 'close');
  expect(await child.exited).toEqual({ code: 0, signal: null });
  delete process.env['MERIDIAN_TEST_SECRET'];
  const lines = readFileSync(join(stateDir, 'logs/eu-west-1/Talker.log'), 'utf8').trim().split('\n');
  expect(lines.sort()).toEqual(['HOME,PATH', 'one two', 'warn']);
});

test('a program that is missing ends at once, and its log says so', async () => {
  const child = table.spawn({
    region: 'eu-west-1',
    resource: 'Gone',
    command: '/nonexistent/program',
    args: [],
  });
  expect(await child.exited).toEqual({ code: null, signal: null });
  expect(child.running).toBe(false);
  expect(readFileSync(join(stateDir, 'logs/eu-west-1/Gone.log'), 'utf8')).toMatch(/ENOENT/);
});

describe('stopping', () => {
  test('is SIGTERM, and SIGKILL after the grace', async () => {
    const polite = run(
      'Polite',
      `process.on('SIGTERM', () => process.exit(7)); setInterval(() => {}, 1e3); console.log(1)`,
    );
    const deaf = run('Deaf', `process.on('SIGTERM', () => {}); setInterval(() => {}, 1e3); console.log(1)`, {
      graceMs: 50,
    });
    await Promise.all([said(polite), said(deaf)]);
    await Promise.all([polite.stop(), deaf.stop()]);
    expect(await polite.exited).toEqual({ code: 7, signal: null });
    expect(await deaf.exited).toEqual({ code: null, signal: 'SIGKILL' });
    expect([polite.running, deaf.running]).toEqual([false, false]);
  });

  test('a region takes only its own', async () => {
    const here = run('Here', 'setInterval(() => {}, 1e3)');
    const there = table.spawn({
      region: 'us-east-1',
      resource: 'There',
      command: process.execPath,
      args: ['-e', 'setInterval(() => {}, 1e3)'],
    });
    await table.killRegion('eu-west-1');
    expect([here.running, there.running]).toEqual([false, true]);
  });
});

test('an IPC child ends when its channel closes', async () => {
  const child = run('Ipc', `process.on('message', () => {}); console.log(1)`, { ipc: true });
  await said(child);
  child.child.disconnect();
  expect(await child.exited).toEqual({ code: 0, signal: null });
});

describe('a run that dies by SIGKILL', () => {
  test('leaves no process: the reaper ends them, also their own children', async () => {
    const program = `
      const { ProcessTable } = await import(${JSON.stringify(join(import.meta.dirname, '../../local/process-table.ts'))});
      const table = new ProcessTable(${JSON.stringify(stateDir)});
      const child = table.spawn({ region: 'r', resource: 'Tree', command: process.execPath, args: ['-e',
        "const c = require('child_process').spawn(process.execPath, ['-e', 'setInterval(() => {}, 1e3)']);" +
        "process.on('SIGTERM', () => {}); console.log(c.pid); setInterval(() => {}, 1e3)"] });
      child.child.stdout.once('data', (pid) => console.log(child.pid, Number(pid), table.reaper.pid));
      setInterval(() => {}, 1e3);`;
    const parent = spawn(process.execPath, ['--input-type=module', '-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = (await once(createInterface({ input: parent.stdout }), 'line')) as [string];
    const pids = line.split(' ').map(Number);
    const alive = pids.map((pid) => ({ pid, start: startOf(pid) }));
    expect(alive.every(({ start }) => start !== undefined)).toBe(true);
    parent.kill('SIGKILL');
    for (let i = 0; i < 100 && alive.some(({ pid, start }) => isRunning(pid, start)); i++) await sleep(100);
    expect(alive.filter(({ pid, start }) => isRunning(pid, start))).toEqual([]);
  });

  test('is not mistaken for a later process with the same id', () => {
    expect(isRunning(process.pid, startOf(process.pid))).toBe(true);
    expect(isRunning(process.pid, '1')).toBe(false);
    expect(isRunning(2 ** 22 + 1, startOf(2 ** 22 + 1))).toBe(false);
  });
});
