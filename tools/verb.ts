/** One verb of `npx meridian`: adds its command to the program. */

import { join, resolve } from 'node:path';
import type { Command } from 'commander';

export type Verb = (program: Command) => void;

/** Folder of the project that the command belongs to. */
export const project = join(import.meta.dirname, '..');

/** Folder of run.json, state and logs. */
export const stateRoot = (given?: string): string => resolve(project, given ?? '.meridian');

/** The option that every verb about a run takes. */
export const stateDirOption = [
  '--state-dir <dir>',
  'folder of state and logs, inside the project',
  '.meridian',
] as const;
