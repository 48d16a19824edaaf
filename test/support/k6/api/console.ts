/** `console`, whose lines the run prints. */

import { inspect } from 'node:util';
import { only, vu } from './vu.ts';

const levels = { log: 'info', info: 'info', debug: 'debug', warn: 'warning', error: 'error' } as const;

export function makeConsole(): object {
  const write =
    (level: string) =>
    (...values: unknown[]): void =>
      vu.say({ kind: 'log', level, text: values.map(show).join(' ') });
  return only(
    'console',
    Object.fromEntries(Object.entries(levels).map(([name, level]) => [name, write(level)])),
  );
}

const show = (value: unknown): string => (typeof value === 'string' ? value : inspect(value, { depth: 4 }));
