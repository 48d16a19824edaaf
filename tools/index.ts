/** The verbs of `npx meridian`, in the order of its help. */

import { down } from './down.ts';
import { jobs } from './jobs.ts';
import { logs } from './logs.ts';
import { routes } from './routes.ts';
import { start } from './start.ts';
import { status } from './status.ts';
import { stop } from './stop.ts';
import { up } from './up.ts';
import type { Verb } from './verb.ts';

export const verbs: readonly Verb[] = [start, status, logs, down, up, stop, routes, jobs];
