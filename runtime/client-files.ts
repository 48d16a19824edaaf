/** The browser's files as the bundle holds them: named by their content, with a manifest that maps plain names. */

import { readdir, readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';

/** Maps a plain name, as `app.js`, to the file's hashed name. */
export const manifestName = 'manifest.json';

/** A file never changes under its name. */
export const immutable = 'public, max-age=31536000, immutable';

const types: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

export interface ClientFile {
  readonly contentType: string;
  readonly body: Buffer;
}

export interface ClientFiles {
  /** Hashed name → file. */
  readonly files: ReadonlyMap<string, ClientFile>;
  /**
   * Hashed name of a plain one.
   * @throws Error for a file that the bundle does not hold
   */
  hashed(plain: string): string;
}

/** Reads a bundle's client folder whole; it is small. */
export async function readClientFiles(folder: string): Promise<ClientFiles> {
  const manifest: Record<string, string> = JSON.parse(await readFile(join(folder, manifestName), 'utf8'));
  const names = (await readdir(folder)).filter((name) => name !== manifestName).sort();
  const files = new Map<string, ClientFile>();
  for (const name of names) {
    const contentType = types[extname(name)];
    if (!contentType)
      throw new Error(`got client file ${name}, expected one of ${Object.keys(types).join(', ')}`);
    files.set(name, { contentType, body: await readFile(join(folder, name)) });
  }
  return {
    files,
    hashed(plain) {
      const name = manifest[plain];
      if (!name || !files.has(name)) throw new Error(`the client has no ${plain}: bundle it again`);
      return name;
    },
  };
}
