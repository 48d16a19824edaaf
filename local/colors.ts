/**
 * Colours on a terminal and nowhere else. By itself picocolors colours pipes too where the variable CI is set.
 */

import { env, stdout } from 'node:process';
import picocolors from 'picocolors';

export const colors = picocolors.createColors(
  stdout.isTTY === true && env['TERM'] !== 'dumb' && !env['NO_COLOR'],
);
