/** How long `npm start` takes, and what the run costs while nobody uses it. */

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { get } from 'node:http';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { environments } from '../config/environments.ts';
import { paths } from '../contract/http.ts';
import { isFree } from '../local/address-book.ts';
import { ControlClient } from '../local/control-client.ts';
import type { Benchmark } from './benchmark.ts';
import { treeUsage } from './command.ts';

const root = resolve(import.meta.dirname, '..');

/** One viewer for each region of the environment `local`. */
const viewers: Readonly<Record<string, string>> = {
  'us-east-1': 'US',
  'eu-west-1': 'IE',
  'ap-southeast-1': 'SG',
};

const idleSeconds = 20;

export const start: Benchmark = {
  name: 'start',
  question:
    'How long from `npm start` on new data until every region is ready (/readyz) and serves through the edge, and what does it use when idle?',
  async measure(runs, progress) {
    const seconds: number[] = [];
    const resident: number[] = [];
    const cores: number[] = [];
    const processes: number[] = [];
    for (let run = 1; run <= runs; run++) {
      const result = await once();
      seconds.push(result.seconds);
      resident.push(result.residentMiB);
      cores.push(result.idleCores);
      processes.push(result.processes);
      progress(`run ${run} of ${runs}: ready in ${result.seconds.toFixed(1)} s`);
    }
    return [
      { name: 'start to every region ready and serving', unit: 's', values: seconds, limit: 12 },
      {
        name: 'resident when idle (proportional set size)',
        unit: 'MiB',
        values: resident,
        limit: 1.3 * 1024,
      },
      { name: 'CPU when idle', unit: 'cores', values: cores, limit: 0.2 },
      { name: 'processes when idle', unit: '', values: processes },
    ];
  },
};

async function once() {
  const stateDir = mkdtempSync(join(root, '.meridian-bench-'));
  const port = await freePort();
  const started = performance.now();
  const child = spawn(
    'npm',
    ['start', '--silent', '--', '--fresh', '--port', String(port), '--state-dir', stateDir],
    { cwd: root, stdio: ['ignore', 'pipe', 'pipe'], env: process.env },
  );
  const output: string[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => output.push(`${chunk}`));
  const ended = new Promise<void>((done) => child.once('close', () => done()));
  try {
    await Promise.all(
      Object.entries(viewers).map(([region, country]) => ready(port, stateDir, region, country, child)),
    );
    const seconds = (performance.now() - started) / 1000;
    // The samples are classified and their workers have ended before the run counts as idle.
    await sleep(75_000);
    const before = treeUsage(child.pid!);
    await sleep(idleSeconds * 1000);
    const after = treeUsage(child.pid!);
    return {
      seconds,
      residentMiB: after.residentMiB,
      processes: after.processes,
      idleCores: (after.cpuSeconds - before.cpuSeconds) / idleSeconds,
    };
  } catch (error) {
    throw new Error(`${(error as Error).message}\n${output.join('').slice(-2000)}`);
  } finally {
    stop(stateDir, child);
    await ended;
    rmSync(stateDir, { recursive: true, force: true });
  }
}

/** Resolves when the region says that it is ready, and a viewer of that country is served by it through the edge. */
async function ready(
  port: number,
  stateDir: string,
  region: string,
  country: string,
  child: ChildProcess,
): Promise<void> {
  const origin = `http://localhost:${port}`;
  const deadline = performance.now() + 120_000;
  while (performance.now() < deadline) {
    if (child.exitCode !== null) throw new Error(`the run ended with ${child.exitCode}`);
    try {
      const chosen = await fetch(`${origin}/__local/viewer?country=${country}`, { redirect: 'manual' });
      const cookie = chosen.headers
        .getSetCookie()
        .map((each) => each.split(';')[0])
        .join('; ');
      const answer = await fetch(`${origin}/api/images`, { headers: { cookie } });
      const served = answer.status === 200 && answer.headers.get('x-served-region') === region;
      if (served && (await readyz(stateDir, region)) === 200) return;
    } catch {
      // Nothing listens yet.
    }
    await sleep(50);
  }
  throw new Error(`${region} was not ready through the edge within 120 s`);
}

/** What Route 53 asks: the region's load balancer under the region's own name. The edge hides that path. */
async function readyz(stateDir: string, region: string): Promise<number | undefined> {
  const { resources } = await ControlClient.of(stateDir).client.state();
  const balancer = resources.find(
    (one) => one.region === region && one.type === 'AWS::ElasticLoadBalancingV2::LoadBalancer',
  );
  const { hostname, port } = new URL(`http://${balancer!.units[0]!.address}`);
  const host = `${region}.origin.${environments['local']!.domain!.name}`;
  return new Promise((resolve, reject) => {
    get({ hostname, port, path: paths.readyz, headers: { host } }, (response) => {
      response.resume();
      resolve(response.statusCode);
    }).on('error', reject);
  });
}

/** Ctrl-C for the run itself; npm does not hand signals on reliably. */
function stop(stateDir: string, child: ChildProcess): void {
  try {
    process.kill(JSON.parse(readFileSync(join(stateDir, 'run.json'), 'utf8')).pid, 'SIGINT');
  } catch {
    child.kill('SIGINT');
  }
}

async function freePort(): Promise<number> {
  for (let port = 18_080; port < 18_180; port += 2) {
    if ((await isFree(port)) && (await isFree(port + 1))) return port;
  }
  throw new Error('no two free ports from 18080 to 18180');
}
