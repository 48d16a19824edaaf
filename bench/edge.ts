/** What the local edge costs per request, beside the least that a proxy in Node can cost. */

import type { Benchmark, Figure } from './benchmark.ts';
import { openLoop, percentile } from './open-loop.ts';
import { Subject } from './subjects/subject.ts';

const perSecond = 500;
const seconds = 8;

/** Seconds of load before anything is measured: the compiler has seen the code by then. */
const warmUpSeconds = 3;

type Case = 'direct' | 'proxy' | 'miss' | 'hit';
const cases: readonly Case[] = ['direct', 'proxy', 'miss', 'hit'];

export const edge: Benchmark = {
  name: 'edge',
  question: `What does the local edge cost per request at ${perSecond} requests per second, beside an empty Node proxy?`,
  async measure(runs, progress) {
    const cpu: Record<Case, number[]> = { direct: [], proxy: [], miss: [], hit: [] };
    const p50: Record<Case, number[]> = { direct: [], proxy: [], miss: [], hit: [] };
    const p99: Record<Case, number[]> = { direct: [], proxy: [], miss: [], hit: [] };
    const origin = await Subject.start('origin.ts');
    const [proxy, edge] = await Promise.all([
      Subject.start('empty-proxy.ts', [String(origin.port)]),
      Subject.start('edge.ts', [String(origin.port)]),
    ]);
    const subjects: Record<Case, Subject> = { direct: origin, proxy, miss: edge, hit: edge };
    const load = (name: Case, duration: number) =>
      openLoop({
        origin: `http://127.0.0.1:${subjects[name].port}`,
        path: (n) => (name === 'hit' ? `/kept/${n % 50}` : `/passing/${n}`),
        headers: { host: 'localhost' },
        perSecond,
        seconds: duration,
      });
    try {
      for (const name of cases) await load(name, warmUpSeconds);
      for (let run = 1; run <= runs; run++) {
        for (const name of cases) {
          const before = await subjects[name].cpuMicros();
          const latencies = await load(name, seconds);
          cpu[name].push(((await subjects[name].cpuMicros()) - before) / (perSecond * seconds));
          p50[name].push(percentile(latencies, 0.5));
          p99[name].push(percentile(latencies, 0.99));
        }
        progress(`run ${run} of ${runs}`);
      }
    } finally {
      await Promise.all([edge.stop(), proxy.stop()]);
      await origin.stop();
    }
    const each = (
      values: Record<Case, number[]>,
      name: Case,
      base: Case,
      f: (a: number, b: number) => number,
    ) => values[name].map((value, i) => f(value, values[base][i]!));
    const ratio = (a: number, b: number) => a / b;
    const added = (a: number, b: number) => a - b;
    const latency = (name: Case): Figure[] => [
      { name: `${name}, added latency, p50`, unit: 'ms', values: each(p50, name, 'direct', added) },
      { name: `${name}, added latency, p99`, unit: 'ms', values: each(p99, name, 'direct', added) },
    ];
    return [
      {
        name: 'CPU of a miss, of an empty proxy’s',
        unit: '×',
        values: each(cpu, 'miss', 'proxy', ratio),
        limit: 3,
      },
      {
        name: 'CPU of a hit, of an empty proxy’s',
        unit: '×',
        values: each(cpu, 'hit', 'proxy', ratio),
        limit: 1.5,
      },
      { name: 'CPU of an empty proxy', unit: 'µs per request', values: cpu.proxy },
      { name: 'CPU of a miss', unit: 'µs per request', values: cpu.miss },
      { name: 'CPU of a hit', unit: 'µs per request', values: cpu.hit },
      ...latency('proxy'),
      ...latency('miss'),
      ...latency('hit'),
    ];
  },
};
