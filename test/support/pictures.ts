/** The photographs of samples/pictures. */

import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';

const folder = resolve(import.meta.dirname, '../../samples/pictures');

export const picture = (name: 'astronaut' | 'camera' | 'chelsea' | 'coffee'): Uint8Array =>
  readFileSync(resolve(folder, `${name}.png`));
