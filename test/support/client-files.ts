/** A client as a bundle has it, without bundling. */

import type { ClientFiles } from '../../runtime/client-files.ts';

const plain: Readonly<Record<string, string>> = {
  'app.js': 'app-AAAAAAAA.js',
  'app.css': 'app-BBBBBBBB.css',
  'fallback.js': 'fallback-CCCCCCCC.js',
};

export const someClient: ClientFiles = {
  files: new Map(
    Object.values(plain).map((name) => [
      name,
      { contentType: 'text/javascript; charset=utf-8', body: Buffer.from(name) },
    ]),
  ),
  hashed: (name) => plain[name]!,
};
