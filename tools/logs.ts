/** `npx meridian logs [REGION] [RESOURCE]`: what the processes of the run write, as they write it. */

import { closeSync, existsSync, openSync, readdirSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { colors } from '../local/colors.ts';
import { nearest } from '../local/nearest.ts';
import { read } from '../local/run-file.ts';
import { stateDirOption, stateRoot, type Verb } from './verb.ts';

interface Options {
  readonly follow: boolean;
  readonly lines: string;
  readonly env?: string;
  readonly stateDir: string;
}

/** Pause between two looks at the files, milliseconds. */
const pauseMs = 250;

/** Most that is read of one file at once, bytes. */
const chunkBytes = 256 * 1024;

export const logs: Verb = (program) => {
  program
    .command('logs')
    .description('follow what the processes write')
    .argument('[region]', "a region, or 'edge'")
    .argument('[resource]', 'logical id, or its beginning')
    .option('--no-follow', 'print what there is and end')
    .option('--lines <n>', 'lines of the past per process', '20')
    .option('--env <env>', 'environment. @default the one that runs, else local')
    .option(...stateDirOption)
    .action(show);
};

async function show(
  region: string | undefined,
  resource: string | undefined,
  options: Options,
): Promise<void> {
  const root = stateRoot(options.stateDir);
  const environment = options.env ?? read(root)?.environment ?? 'local';
  const folder = join(root, environment, 'logs');
  if (!existsSync(folder))
    throw new Error(`environment '${environment}' has no logs (${folder}): start it first`);
  const lines = Number(options.lines);
  if (!Number.isInteger(lines) || lines < 0)
    throw new Error(`got --lines ${options.lines}, expected a whole number`);
  const found = filesOf(folder, region, resource);
  if (found.length === 0) throw new Error(nothing(folder, region, resource));
  const positions = new Map<string, number>();
  for (const file of found) positions.set(file, printTail(folder, file, lines));
  while (options.follow) {
    await sleep(pauseMs);
    for (const file of filesOf(folder, region, resource)) {
      positions.set(file, printFrom(folder, file, positions.get(file) ?? 0));
    }
  }
}

/** `region/name.log` of the files that are asked for. */
function filesOf(folder: string, region?: string, resource = ''): string[] {
  const wanted = resource.toLowerCase();
  return readdirSync(folder)
    .filter((name) => region === undefined || name === region)
    .sort()
    .flatMap((name) =>
      readdirSync(join(folder, name))
        .filter((file) => file.endsWith('.log') && file.toLowerCase().startsWith(wanted))
        .sort()
        .map((file) => join(name, file)),
    );
}

function nothing(folder: string, region?: string, resource?: string): string {
  const regions = readdirSync(folder);
  if (region !== undefined && !regions.includes(region)) {
    return `got region '${region}', expected one of: ${regions.join(', ')}`;
  }
  const names = [...new Set(filesOf(folder, region).map((file) => file.split('/')[1]!.split('.')[0]!))];
  const hint = resource && nearest(resource, names);
  return `got resource '${resource}', expected one of: ${names.join(', ') || 'none yet'}${hint ? `; did you mean '${hint}'?` : ''}`;
}

function printTail(folder: string, file: string, lines: number): number {
  const { size } = statSync(join(folder, file));
  const text = readRange(join(folder, file), Math.max(0, size - chunkBytes), size);
  const all = text.split('\n').filter(Boolean);
  if (lines > 0) print(file, all.slice(-lines));
  return size;
}

/** Prints the whole lines after a position; returns where the next begin. */
function printFrom(folder: string, file: string, position: number): number {
  const { size } = statSync(join(folder, file));
  if (size < position) return printFrom(folder, file, 0);
  const text = readRange(join(folder, file), position, Math.min(size, position + chunkBytes));
  const end = text.lastIndexOf('\n') + 1;
  print(file, text.slice(0, end).split('\n').filter(Boolean));
  return position + Buffer.byteLength(text.slice(0, end));
}

function readRange(path: string, from: number, to: number): string {
  const buffer = Buffer.alloc(to - from);
  const descriptor = openSync(path, 'r');
  try {
    return buffer.toString('utf8', 0, readSync(descriptor, buffer, 0, buffer.length, from));
  } finally {
    closeSync(descriptor);
  }
}

function print(file: string, lines: readonly string[]): void {
  const prefix = colors.cyan(`${file.replace(/\.log$/, '')} │ `);
  for (const line of lines) console.log(prefix + line);
}
