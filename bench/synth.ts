/** How long a reviewer waits for `cdk synth`, beyond what the CLI costs by itself. */

import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Benchmark, Figure } from './benchmark.ts';
import { median } from './benchmark.ts';
import { type Usage, usageOf } from './command.ts';

const root = resolve(import.meta.dirname, '..');
const cdk = join(root, 'node_modules/.bin/cdk');

/** Wall milliseconds of `cdk synth` per resource of production, beyond an empty app by the same CLI. */
export const synth: Benchmark = {
  name: 'synth',
  question: 'How long does `cdk synth` of production take per resource, beyond an empty app by the same CLI?',
  async measure(runs, progress) {
    const scratch = mkdtempSync(join(tmpdir(), 'meridian-bench-'));
    try {
      const out = join(scratch, 'out');
      const flags = ['synth', '-q', '-o', out];
      const app = ['-a', `${process.execPath} ${join(import.meta.dirname, 'empty-app.js')}`];
      const ours = ['-c', 'env=production'];
      const variants = {
        empty: [...flags, ...app, '--no-validation'],
        production: [...flags, ...ours, '--no-validation'],
        emptyValidated: [...flags, ...app],
        productionValidated: [...flags, ...ours, '-c', 'nag=true'],
      };
      const measured: Record<keyof typeof variants, Usage[]> = {
        empty: [],
        production: [],
        emptyValidated: [],
        productionValidated: [],
      };
      let resources = 0;
      for (let run = 1; run <= runs; run++) {
        for (const [name, args] of Object.entries(variants)) {
          rmSync(out, { recursive: true, force: true });
          const usage = await usageOf([cdk, ...args], { cwd: root });
          measured[name as keyof typeof variants].push(usage);
          if (name === 'production') resources = countResources(out);
          progress(`run ${run} of ${runs}: ${name} ${(usage.wallMs / 1000).toFixed(1)} s`);
        }
      }
      return figures(measured, resources);
    } finally {
      rmSync(scratch, { recursive: true, force: true });
    }
  },
};

function figures(measured: Record<string, Usage[]>, resources: number): Figure[] {
  const perResource = (full: string, empty: string) => {
    const base = median(measured[empty]!.map((usage) => usage.wallMs));
    return measured[full]!.map((usage) => (usage.wallMs - base) / resources);
  };
  const absolute = (name: string): Figure[] => [
    { name: `${name}, wall`, unit: 's', values: measured[name]!.map((usage) => usage.wallMs / 1000) },
    { name: `${name}, CPU`, unit: 's', values: measured[name]!.map((usage) => usage.cpuMs / 1000) },
    { name: `${name}, peak memory`, unit: 'MiB', values: measured[name]!.map((usage) => usage.peakMiB) },
  ];
  return [
    {
      name: 'per resource, without validation',
      unit: 'ms',
      values: perResource('production', 'empty'),
      limit: 6,
    },
    {
      name: 'per resource, with validation and cdk-nag',
      unit: 'ms',
      values: perResource('productionValidated', 'emptyValidated'),
      limit: 12,
    },
    { name: 'resources of production', unit: '', values: [resources] },
    ...['empty', 'production', 'emptyValidated', 'productionValidated'].flatMap(absolute),
  ];
}

function countResources(out: string): number {
  return globSync('**/*.template.json', { cwd: out })
    .map((file) => JSON.parse(readFileSync(join(out, file), 'utf8')).Resources ?? {})
    .reduce((sum, all) => sum + Object.keys(all).length, 0);
}
