/** Tells a person at a terminal what a run does: a client of its event stream. */

import { colors } from './colors.ts';
import type { RunEvent } from './events.ts';
import { nameServerListing, type RunReport } from './state.ts';

/** Where lines go, and how many columns a terminal has. */
export interface Terminal {
  write(line: string): void;
  readonly columns: number;
}

export const standardOutput: Terminal = {
  write: (line) => process.stdout.write(`${line}\n`),
  get columns() {
    return Math.min(process.stdout.columns ?? 100, 110);
  },
};

const seconds = (ms: unknown): string => `${(Number(ms) / 1000).toFixed(1)} s`.padStart(7);

const phase = (name: string, ms: unknown, note: string): string =>
  `  ${colors.green('✓')} ${name.padEnd(26)}${colors.dim(seconds(ms))}  ${colors.dim(note)}`;

/** The line that an event is worth, or undefined. */
export function lineOf({ region, resource, event, detail = {} }: RunEvent): string | undefined {
  const where = region === 'run' ? '' : `${region} `;
  switch (event) {
    case 'synthesized':
      return phase(
        'templates synthesized',
        detail['ms'],
        `${detail['stacks']} stacks, ${detail['resources']} resources`,
      );
    case 'stack started':
      return Number(detail['resources']) > 0
        ? phase(resource, detail['ms'], `${detail['resources']} resources run`)
        : undefined;
    // The reason follows as the command's own last word, or goes to who asked for the change.
    case 'failed':
    case 'update failed':
    case 'died':
      return colors.red(`  ✗ ${where}${resource} ${event}`);
    case 'restarted':
      return region === 'run'
        ? colors.green(
            `  ✓ restarted ${(detail['resources'] as string[]).join(', ') || 'nothing: no resource changed'}`,
          )
        : `  ${where}${resource} is back`;
    case 'changed':
      return `  ${colors.dim('…')} ${detail['file']} changed`;
    case 'restart needed':
      return colors.yellow(`  ! ${detail['reason']}`);
    case 'build failed':
      return colors.red(
        `  ✗ this change does not work; what ran before goes on:\n${indent(String(detail['reason']))}`,
      );
    case 'region stopped':
    case 'region started':
      return `  ${event.replace('region', region)}`;
    case 'stopping':
      return colors.dim('\n  stopping …');
    default:
      return undefined;
  }
}

/** What runs, what only has a name, and where everything is. */
export function summary(report: RunReport, ms: number, { columns }: Pick<Terminal, 'columns'>): string {
  const { resources, leftOut, addresses, regions, environment, endpoints, listeners } = report;
  const [, dnsPort] = listeners[nameServerListing]?.split(':') ?? [];
  const runs = counts(resources.map(({ type }) => type));
  const line = (name: string, value: string) => `  ${name.padEnd(22)}${value}`;
  return [
    '',
    `  ${colors.bold(`ready in ${seconds(ms).trim()}`)}: environment ${environment}, ${regions.join(', ')}`,
    '',
    ...list('runs here', runs, columns),
    ...list('only named', leftOut, columns),
    '',
    ...regions.flatMap((region) =>
      Object.entries(endpoints[region] ?? {}).map(([name, url], i) =>
        line(i === 0 ? region : '', `${name.padEnd(10)}${url}`),
      ),
    ),
    '',
    line('control', `${addresses.control} ${colors.dim('(token in run.json)')}`),
    ...(dnsPort ? [line('names', `dig @127.0.0.1 -p ${dnsPort} NAME [+subnet=ADDRESS/24]`)] : []),
    line('logs', 'npx meridian logs [REGION] [RESOURCE]'),
    line('choose where you are', addresses.viewer),
    line('site', colors.bold(addresses.site)),
    '',
    `  ${colors.dim('Ctrl-C stops')}`,
  ].join('\n');
}

function counts(types: readonly string[]): Record<string, number> {
  const found: Record<string, number> = {};
  for (const type of types) found[type] = (found[type] ?? 0) + 1;
  return found;
}

/** `runs here   ECS::Service 3, …`, wrapped between words. */
function list(title: string, types: Readonly<Record<string, number>>, columns: number): string[] {
  const items = Object.entries(types)
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([type, count]) => `${type.replace(/^AWS::/, '')} ${count}`);
  const lines: string[] = [];
  let current = '';
  for (const item of items) {
    if (current && current.length + item.length + 16 > columns) {
      lines.push(`${current},`);
      current = '';
    }
    current = current ? `${current}, ${item}` : item;
  }
  lines.push(current || 'nothing');
  return lines.map((text, i) => `  ${colors.dim((i === 0 ? title : '').padEnd(12))}${colors.dim(text)}`);
}

const indent = (text: string): string =>
  text
    .split('\n')
    .map((line) => `      ${line}`)
    .join('\n');
