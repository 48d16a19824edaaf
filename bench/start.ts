/** How long `npm start` takes, and what the run costs while nobody uses it. */

import { get } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { environments } from '../config/environments.ts';
import { paths } from '../contract/http.ts';
import type { Benchmark } from './benchmark.ts';
import { treeUsage } from './command.ts';
import { LocalRun, viewers } from './local-run.ts';

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
  const started = performance.now();
  const run = await LocalRun.begin();
  try {
    await Promise.all(Object.keys(viewers).map((region) => ready(run, region)));
    const seconds = (performance.now() - started) / 1000;
    // The samples are classified and their workers have ended before the run counts as idle.
    await sleep(75_000);
    const before = treeUsage(run.pid);
    await sleep(idleSeconds * 1000);
    const after = treeUsage(run.pid);
    return {
      seconds,
      residentMiB: after.residentMiB,
      processes: after.processes,
      idleCores: (after.cpuSeconds - before.cpuSeconds) / idleSeconds,
    };
  } finally {
    await run.end();
  }
}

/** Resolves when the region's viewers are served by it through the edge, and it says that it is ready. */
async function ready(run: LocalRun, region: string): Promise<void> {
  await run.servedBy(region, region);
  for (const end = performance.now() + 60_000; performance.now() < end; await sleep(50)) {
    if ((await readyz(run, region)) === 200) return;
  }
  throw run.failure(`${region} was not ready within 60 s`);
}

/** What Route 53 asks: the region's load balancer under the region's own name. The edge hides that path. */
async function readyz(run: LocalRun, region: string): Promise<number | undefined> {
  const { resources } = await run.control.state();
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
