/** The bundles themselves, inside the project: native packages of this machine are found from there. */

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type Bundles, bundle } from '../../lib/bundle.ts';
import { gallery } from '../../lib/gallery.ts';

export interface MadeBundles extends Bundles {
  remove(): void;
}

export function makeBundles(engine: 'rekognition' | 'embedded'): MadeBundles {
  const parent = resolve(import.meta.dirname, '../../.meridian');
  mkdirSync(parent, { recursive: true });
  const folder = mkdtempSync(join(parent, 'test-'));
  try {
    return {
      ...bundle(gallery, engine, folder),
      remove: () => rmSync(folder, { recursive: true, force: true }),
    };
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}
