/** Every benchmark, in the order they are run. */

import type { Benchmark } from './benchmark.ts';
import { dns } from './dns.ts';
import { edge } from './edge.ts';
import { failover } from './failover.ts';
import { start } from './start.ts';
import { synth } from './synth.ts';

export const benchmarks: readonly Benchmark[] = [synth, start, dns, edge, failover];
