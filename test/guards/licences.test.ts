/** Every dependency has a licence that a fork can live with. */

import { globSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, test } from '@jest/globals';

const root = resolve(import.meta.dirname, '../..');

const allowed = [
  '0BSD',
  'Apache-2.0',
  'BlueOak-1.0.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'CC0-1.0',
  'CC-BY-4.0',
  'ISC',
  'MIT',
  'MIT-0',
  'Python-2.0',
  'Unlicense',
];

/** Named one by one, each with the reason why it is all right. */
const exceptions: Readonly<Record<string, string>> = {
  // A shared library that stays replaceable; NOTICE names it.
  '@img/sharp-libvips-': 'LGPL-3.0-or-later',
  '@img/sharp-wasm32': 'Apache-2.0 AND LGPL-3.0-or-later AND MIT',
  '@img/sharp-win32-': 'Apache-2.0 AND LGPL-3.0-or-later',
};

interface Package {
  readonly name: string;
  readonly licence: string;
}

/** All packages of the lockfiles; licences of the lockfile, or of the installed package where it has none. */
function packages(): Package[] {
  return ['package-lock.json', 'lambda/native/package-lock.json'].flatMap((file) => {
    const { packages: entries } = JSON.parse(readFileSync(resolve(root, file), 'utf8')) as {
      packages: Record<string, { license?: string; link?: boolean; inBundle?: boolean }>;
    };
    return Object.entries(entries)
      .filter(([path, entry]) => path !== '' && !entry.link)
      .map(([path, entry]) => ({
        name: path.split('node_modules/').at(-1)!,
        licence: entry.license ?? installedLicence(resolve(root, file, '..', path)),
      }));
  });
}

function installedLicence(folder: string): string {
  const [file] = globSync('package.json', { cwd: folder });
  if (!file) return 'not installed';
  const manifest = JSON.parse(readFileSync(resolve(folder, file), 'utf8'));
  return (
    manifest.license ?? manifest.licenses?.map((entry: { type: string }) => entry.type).join(' OR ') ?? 'none'
  );
}

/** Whether an SPDX expression is satisfied by allowed licences: one of an OR, all of an AND. */
function isAllowed(licence: string): boolean {
  return licence
    .replaceAll(/[()]/g, '')
    .split(' OR ')
    .some((choice) => choice.split(' AND ').every((part) => allowed.includes(part.trim())));
}

test('licences are in the allow list or an explained exception', () => {
  const all = packages();
  expect(all.length).toBeGreaterThan(300);
  const wrong = all.filter(
    ({ name, licence }) =>
      !isAllowed(licence) &&
      !Object.entries(exceptions).some(([prefix, known]) => name.startsWith(prefix) && licence === known),
  );
  expect(wrong).toEqual([]);
});

test('NOTICE names what ships under other terms', () => {
  const notice = readFileSync(resolve(root, 'NOTICE'), 'utf8');
  for (const name of [
    'libvips',
    'LGPL-3.0-or-later',
    'tfjs',
    'model/LICENSE',
    'samples/pictures',
    'ip-location-db',
  ]) {
    expect(notice).toContain(name);
  }
});
