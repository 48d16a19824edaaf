/**
 * Builds the running code for the assets: one esbuild call for what runs on Node, one for the browser. What comes
 * out depends on the sources alone, not on where or when it was built, since asset hashes are made of it.
 */

import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { type BuildOptions, buildSync } from 'esbuild';
import type { FunctionCode, Workload } from './workload.ts';

/** Folders, each the whole content of one asset. */
export interface Bundles {
  /** `server.mjs`, `client/` and the Dockerfile. */
  readonly web: string;
  /** Of the functions: `index.mjs` and what lies beside it. */
  readonly worker: string;
  readonly migrate: string;
  readonly invalidate: string;
  /** Also has `client/`. */
  readonly publish: string;
}

const root = join(import.meta.dirname, '..');

/** Of the files in node_modules only what the bundle needs at run time: links and npm's own notes differ by npm. */
const isNeeded = (source: string): boolean => !['.bin', '.package-lock.json'].includes(basename(source));

/**
 * Bundles a workload with one of its workers into a temporary folder that is removed when the process ends.
 * @param parent where that folder is made. @default the system's place for temporary files
 * @throws Error with esbuild's messages when a source does not build
 */
export function bundle(workload: Workload, engine: keyof Workload['worker'], parent = tmpdir()): Bundles {
  const { web, migrate, invalidate, publish } = workload;
  const functions = { worker: workload.worker[engine], migrate, invalidate, publish };
  const out = temporaryFolder(parent);

  buildSync({
    ...nodeOptions,
    entryPoints: [
      { in: web.entry, out: 'web/server' },
      ...Object.entries(functions).map(([name, code]) => ({ in: code.entry, out: `${name}/index` })),
    ],
    alias: { ...workload.replacements },
    external: Object.values(functions).flatMap((code) => [...(code.external ?? [])]),
    outdir: out,
  });
  for (const [name, code] of Object.entries(functions)) copyFiles(code, join(out, name));

  const client = join(out, 'client');
  buildClient(workload.client.entries, client);
  cpSync(client, join(out, 'web/client'), { recursive: true });
  cpSync(client, join(out, 'publish/client'), { recursive: true });
  cpSync(web.dockerfile, join(out, 'web/Dockerfile'));

  return {
    web: join(out, 'web'),
    worker: join(out, 'worker'),
    migrate: join(out, 'migrate'),
    invalidate: join(out, 'invalidate'),
    publish: join(out, 'publish'),
  };
}

const commonOptions = {
  absWorkingDir: root,
  bundle: true,
  write: true,
  logLevel: 'silent',
  sourcemap: false,
  legalComments: 'eof',
  // A tsconfig would be looked for beside each source; none of its settings matters here.
  tsconfigRaw: {},
} as const satisfies BuildOptions;

const nodeOptions = {
  ...commonOptions,
  platform: 'node',
  target: 'node24',
  format: 'esm',
  outExtension: { '.js': '.mjs' },
  // The ES modules of a package, where it has both kinds, can be shaken.
  mainFields: ['module', 'main'],
  // Names stay as they are: they are in stack traces.
  minifySyntax: true,
  minifyWhitespace: true,
  // CommonJS packages inside an ES module still ask for these.
  banner: {
    js: [
      "import { createRequire as __bundleCreateRequire } from 'node:module';",
      'const require = __bundleCreateRequire(import.meta.url);',
      'const __filename = import.meta.filename;',
      'const __dirname = import.meta.dirname;',
    ].join('\n'),
  },
} as const satisfies BuildOptions;

/** Hashed names, and a manifest from plain names to them. */
function buildClient(entries: readonly string[], folder: string): void {
  const { outputs } = buildSync({
    ...commonOptions,
    platform: 'browser',
    target: ['es2022', 'safari16'],
    format: 'esm',
    minify: true,
    entryPoints: [...entries],
    entryNames: '[name]-[hash]',
    metafile: true,
    outdir: folder,
  }).metafile;
  const manifest = Object.keys(outputs)
    .map((path) => basename(path))
    .sort()
    .map((file) => [file.replace(/-[A-Z0-9]{8}(?=\.\w+$)/, ''), file]);
  writeFileSync(join(folder, 'manifest.json'), JSON.stringify(Object.fromEntries(manifest), null, 2));
}

function copyFiles(code: FunctionCode, folder: string): void {
  for (const [name, source] of Object.entries(code.files ?? {})) {
    cpSync(source, join(folder, name), { recursive: true, filter: isNeeded });
  }
}

function temporaryFolder(parent: string): string {
  const folder = mkdtempSync(join(parent, 'meridian-bundle-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
