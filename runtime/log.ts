/** The one logger of a process: JSON lines to standard output. */

import { type Logger, pino } from 'pino';

export type { Logger };

/** @param name which program writes, as `web` */
export function createLogger(name: string): Logger {
  return pino({ name, base: undefined, formatters: { level: (level) => ({ level }) } });
}
