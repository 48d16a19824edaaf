/** The numbered SQL files. */

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface Migration {
  /** Counts from 1, without gaps. */
  readonly version: number;
  readonly name: string;
  readonly sql: string;
}

/**
 * Reads `NNNN-name.sql` files in order.
 * @throws Error for a file of another name and for a gap, both of which would leave a database half migrated
 */
export async function readMigrations(folder: string): Promise<Migration[]> {
  const files = (await readdir(folder)).sort();
  return Promise.all(
    files.map(async (file, i) => {
      const match = /^(\d{4})-([a-z0-9-]+)\.sql$/.exec(file);
      if (!match || Number(match[1]) !== i + 1) {
        throw new Error(`got migration '${file}', expected ${String(i + 1).padStart(4, '0')}-<name>.sql`);
      }
      return { version: i + 1, name: match[2]!, sql: await readFile(join(folder, file), 'utf8') };
    }),
  );
}
