/** Where the data of an environment lies, and how it is thrown away. */

import { createHash, randomUUID } from 'node:crypto';
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Folder of an environment's data. It lies in the state folder; as root it lies under /var/tmp, since PostgreSQL
 * then runs as nobody, who may not enter a home that is closed to others.
 * @throws Error when somebody else holds that place.
 */
export function dataRoot(stateDir: string): string {
  if (process.getuid?.() !== 0) return join(stateDir, 'data');
  const root = join(
    '/var/tmp',
    `meridian-${createHash('sha256').update(stateDir).digest('hex').slice(0, 12)}`,
  );
  mkdirSync(root, { recursive: true, mode: 0o755 });
  const found = lstatSync(root);
  if (!found.isDirectory() || found.uid !== 0 || (found.mode & 0o022) !== 0) {
    throw new Error(`got ${root} in other hands, expected a folder that only root writes to: remove it`);
  }
  return root;
}

/** Where root's data of all projects lies: every user may pass through it, and it outlives a restart of the machine. */
const shared = '/var/tmp';

const rootFor = (stateDir: string): string =>
  join(shared, `meridian-${createHash('sha256').update(stateDir).digest('hex').slice(0, 12)}`);

/**
 * Makes the folders of an environment. Data whose state folder was removed or replaced is thrown away: its
 * passwords and addresses are gone.
 */
export function prepareState(stateDir: string, { fresh }: { readonly fresh: boolean }): void {
  if (fresh) forgetState(stateDir);
  mkdirSync(stateDir, { recursive: true });
  const mark = join(stateDir, 'id');
  if (!existsSync(mark)) writeFileSync(mark, randomUUID());
  const id = readFileSync(mark, 'utf8');
  const root = dataRoot(stateDir);
  const counterpart = join(root, 'id');
  if (!existsSync(counterpart) || readFileSync(counterpart, 'utf8') !== id) {
    rmSync(root, { recursive: true, force: true });
    mkdirSync(dataRoot(stateDir), { recursive: true });
    writeFileSync(counterpart, id);
  }
  if (process.getuid?.() !== 0) return;
  writeFileSync(join(root, ownerFile), stateDir);
  forgetOrphans();
}

/** Says in root's data whose it is. */
const ownerFile = 'state-dir';

/** Removes root's data whose state folder, perhaps with its whole project, is gone. */
function forgetOrphans(): void {
  for (const name of readdirSync(shared)) {
    const owner = join(shared, name, ownerFile);
    if (!/^meridian-[0-9a-f]{12}$/.test(name) || !existsSync(owner)) continue;
    const stateDir = readFileSync(owner, 'utf8');
    // Only what this file has made: the name follows from the content.
    if (rootFor(stateDir) !== join(shared, name) || existsSync(stateDir)) continue;
    if (lstatSync(join(shared, name)).uid === 0) rmSync(join(shared, name), { recursive: true, force: true });
  }
}

/** Removes the state and the data of an environment. */
export function forgetState(stateDir: string): void {
  rmSync(dataRoot(stateDir), { recursive: true, force: true });
  rmSync(stateDir, { recursive: true, force: true });
}
