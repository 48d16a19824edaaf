/**
 * Templates and asset hashes are the same from two clones in different folders: a reviewer sees what the author saw,
 * and a deploy from another machine changes nothing.
 */

import { execFileSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';

const root = join(import.meta.dirname, '../..');
/** Inside the project, on the same file system, so that installed packages are linked rather than copied. */
const folder = join(root, '.meridian/clones');
const clones = [join(folder, 'one'), join(folder, 'deeper/in/another')] as const;

beforeAll(() => {
  rmSync(folder, { recursive: true, force: true });
  const sources = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
    encoding: 'utf8',
  })
    .split('\0')
    // What git lists may have been deleted since.
    .filter((file) => file && existsSync(join(root, file)));
  for (const clone of clones) {
    for (const file of sources) cpSync(join(root, file), join(clone, file));
    for (const packages of ['node_modules', 'lambda/native/node_modules']) {
      linkTree(join(root, packages), join(clone, packages));
    }
  }
}, 120_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

test.each(['production', 'dev'])(
  '%s',
  (environment) => {
    const [one, another] = clones.map((clone) => synthesize(clone, environment));
    expect(Object.keys(one!).length).toBeGreaterThan(5);
    expect(another).toEqual(one);
  },
  180_000,
);

/** Template file → its text. */
function synthesize(clone: string, environment: string): Record<string, string> {
  const out = join(clone, 'cdk.out');
  execFileSync(
    join(clone, 'node_modules/.bin/cdk'),
    ['synth', '-q', '--no-validation', '--no-notices', '-c', `env=${environment}`, '-o', out],
    { cwd: clone, stdio: 'pipe', timeout: 120_000 },
  );
  return Object.fromEntries(
    readdirSync(out)
      .filter((file) => file.endsWith('.template.json'))
      .map((file) => [file, readFileSync(join(out, file), 'utf8')]),
  );
}

/** The same tree with hard links for its files, as an installation of its own would look. */
function linkTree(from: string, to: string): void {
  mkdirSync(to, { recursive: true });
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) linkTree(source, target);
    else if (entry.isSymbolicLink()) symlinkSync(readlinkSync(source), target);
    else linkSync(source, target);
  }
}
