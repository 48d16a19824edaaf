/** Nothing of the run can be reached from another machine. */

import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import type { ControlClient } from '../../local/control-client.ts';
import { read } from '../../local/run-file.ts';
import { sharedRun } from '../support/run.ts';

const run = sharedRun();

/** Addresses of /proc/net/tcp and tcp6 that are 127.0.0.1, ::1 or ::ffff:127.0.0.1: words in host byte order. */
const loopback = ['0100007F', '00000000000000000000000001000000', '0000000000000000FFFF00000100007F'];

/** State of a socket that listens ("proc_net_tcp", Linux). */
const listening = '0A';

async function processes(control: ControlClient): Promise<number[]> {
  const { hosts, resources } = await control.state();
  const { pid } = read(run.stateRoot)!;
  const units = resources.flatMap((resource) => resource.units.map((unit) => unit.pid));
  return [...new Set([pid, ...hosts.map((host) => host.pid), ...units])].filter((one) => one !== undefined);
}

/** Inodes of the sockets that a process has open. */
function socketsOf(pid: number): string[] {
  return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
    try {
      return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1] ?? [];
    } catch {
      return []; // Closed meanwhile.
    }
  });
}

/** Inode → local address of every TCP socket that listens. */
function listeners(): Map<string, string> {
  const lines = ['tcp', 'tcp6'].flatMap((table) =>
    readFileSync(`/proc/net/${table}`, 'utf8').trim().split('\n').slice(1),
  );
  const fields = lines.map((line) => line.trim().split(/\s+/)).filter(([, , , state]) => state === listening);
  return new Map(fields.map((field) => [field[9]!, field[1]!]));
}

const onLinux = existsSync('/proc/net/tcp') ? test : test.skip;

onLinux('every process of the run listens on loopback alone', async () => {
  const all = listeners();
  const own = (await processes(run.control)).flatMap((pid) =>
    socketsOf(pid).flatMap((inode) => {
      const address = all.get(inode);
      return address ? [{ pid, address }] : [];
    }),
  );
  // Site and its redirect, control, and per region: tasks, balancer, database, cache, SQS and SNS, S3, secrets.
  expect(own.length).toBeGreaterThan(3 + 3 * 8);
  expect(own.filter(({ address }) => !loopback.includes(address.split(':')[0]!))).toEqual([]);
});
