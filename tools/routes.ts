/** `npx meridian routes ENV`: who answers where by the environment's templates, and where each geography goes next. */

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { resolveEnvironment } from '../config/validate.ts';
import { colors } from '../local/colors.ts';
import { suggestion } from '../local/nearest.ts';
import type { Place, Traffic } from '../local/traffic.ts';
import { project, stateRoot, type Verb } from './verb.ts';

interface Options {
  readonly down: readonly string[];
  readonly json: boolean;
}

/** What one geography's viewers get. */
export interface Route extends Pick<Place, 'kind' | 'code'> {
  /** The region that answers now; null when none does. */
  readonly answers: string | null;
  /** Its home region and those that take over from it, in order, whatever is down. */
  readonly order: readonly string[];
}

export interface Routes {
  readonly environment: string;
  /** The name that is asked for; null in an environment without routing records. */
  readonly origin: string | null;
  readonly regions: readonly string[];
  readonly down: readonly string[];
  readonly routes: readonly Route[];
}

export const routes: Verb = (program) => {
  program
    .command('routes')
    .description('show which region answers whom, and which ones take over, by the templates')
    .argument('<env>', 'environment of config/environments.ts')
    .option('--down <region...>', 'answer as if these regions were unhealthy', [])
    .option('--json', 'as JSON', false)
    .action(show);
};

async function show(environment: string, { down, json }: Options): Promise<void> {
  // Says all that is wrong with it before anything is written.
  const regions = resolveEnvironment(environment).regions.map(({ name }) => name);
  const unknown = down.find((region) => !regions.includes(region));
  if (unknown !== undefined) {
    throw new Error(
      `got --down ${unknown}, expected regions of '${environment}': ${regions.join(', ')}${suggestion(unknown, regions)}`,
    );
  }
  const found = routesOf(environment, await trafficOf(environment), down);
  console.log(json ? JSON.stringify(found, null, 2) : table(found));
}

async function trafficOf(environment: string): Promise<Traffic> {
  const [{ readAssembly }, { synthesize }, { Traffic }] = await Promise.all([
    import('../local/assembly.ts'),
    import('../local/synthesize.ts'),
    import('../local/traffic.ts'),
  ]);
  const root = stateRoot();
  mkdirSync(root, { recursive: true });
  // Beside a run's own assembly, which may be in use.
  const outdir = mkdtempSync(join(root, 'routes-'));
  try {
    await synthesize({ project, environment, outdir });
    return new Traffic(readAssembly(outdir));
  } finally {
    rmSync(outdir, { recursive: true, force: true });
  }
}

/** The routes of an environment while some of its regions are down. */
export function routesOf(environment: string, traffic: Traffic, down: readonly string[]): Routes {
  const { regions, origin = null } = traffic;
  const health = traffic.health(down);
  return {
    environment,
    origin,
    regions,
    down: regions.filter((region) => down.includes(region)),
    routes: traffic.places().map(({ kind, code, viewer }) => ({
      kind,
      code,
      answers: traffic.region(viewer, health) ?? null,
      order: traffic.order(viewer),
    })),
  };
}

/** The routes for people: one line for each geography. */
export function table({ environment, origin, regions, down, routes }: Routes): string {
  if (origin === null) {
    return `${environment} has no routing records: ${regions.join(', ')} answers everyone`;
  }
  const rows = routes.map(({ kind, code, answers, order }) => ({
    geography: kind === 'default' ? kind : `${kind} ${code}`,
    answers: answers ?? 'nobody',
    moved: answers !== order[0],
    order: order.map((region) => (down.includes(region) ? colors.red(`${region} (down)`) : region)),
  }));
  const widest = Math.max(...['geography', ...rows.map(({ geography }) => geography)].map(width));
  const longest = Math.max(...['nobody', ...regions].map(width));
  const line = (geography: string, answers: string, order: string, paint = (text: string) => text) =>
    `  ${geography.padEnd(widest)}  ${paint(answers.padEnd(longest))}  ${order}`;
  return [
    `${environment}, ${origin}, ${state(regions, down)}`,
    '',
    colors.dim(line('geography', 'answers', 'in this order')),
    ...rows.map(({ geography, answers, moved, order }) =>
      line(geography, answers, order.join(' → '), moved ? colors.yellow : undefined),
    ),
  ].join('\n');
}

const width = (text: string): number => text.length;

function state(regions: readonly string[], down: readonly string[]): string {
  if (down.length === 0) return `${regions.length === 1 ? 'its region' : 'all regions'} healthy`;
  // Route 53's rule when it has no healthy record to choose.
  if (down.length === regions.length) return 'every region down: each geography gets its home';
  return `down: ${down.join(', ')}`;
}
