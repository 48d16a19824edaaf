/** Dependencies between the folders point one way. */

import { globSync, readFileSync } from 'node:fs';
import { dirname, relative, resolve } from 'node:path';
import { describe, expect, test } from '@jest/globals';

const root = resolve(import.meta.dirname, '../..');

/** Folder → folders it may import from, beside itself. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  config: [],
  contract: [],
  runtime: ['contract'],
  web: ['runtime', 'contract'],
  lambda: ['runtime', 'contract'],
  lib: ['config', 'contract'],
  local: ['config', 'contract'],
  tools: ['local', 'config', 'contract'],
  bench: ['local', 'tools', 'config', 'contract'],
  // Run by k6, which finds neither packages nor the rest of the project.
  loadtest: [],
  bin: ['lib', 'config', 'tools'],
};

/** Packages that only some folders may import. */
const reserved: readonly { readonly pattern: RegExp; readonly folders: readonly string[] }[] = [
  { pattern: /^(aws-cdk-lib|constructs|cdk-nag)(\/|$)/, folders: ['bin', 'lib'] },
  {
    pattern: /^(fastify|@fastify|iovalkey|sharp|@tensorflow)(\/|$)/,
    folders: ['web', 'lambda', 'runtime'],
  },
];

interface Import {
  readonly file: string;
  readonly target: string;
}

function importsOf(folder: string): Import[] {
  const files = globSync(`${folder}/**/*.ts`, { cwd: root }).filter((file) => !file.includes('node_modules'));
  return files.flatMap((file) => {
    const text = readFileSync(resolve(root, file), 'utf8');
    const targets = text.matchAll(
      /(?:^|\n)\s*(?:import|export)\s[^'";]*?from\s*'([^']+)'|import\(\s*'([^']+)'\s*\)|\n?import\s*'([^']+)'/g,
    );
    return [...targets].map((match) => ({ file, target: (match[1] ?? match[2] ?? match[3])! }));
  });
}

describe.each(Object.entries(allowed))('%s', (folder, others) => {
  const imports = importsOf(folder);

  test('has files', () => {
    expect(imports.length + globSync(`${folder}/*.ts`, { cwd: root }).length).toBeGreaterThan(0);
  });

  test(`imports only from ${others.join(', ') || 'itself'}`, () => {
    const wrong = imports
      .filter(({ target }) => target.startsWith('.'))
      .map(({ file, target }) => ({ file, to: relative(root, resolve(root, dirname(file), target)) }))
      .filter(({ to }) => ![folder, ...others].includes(to.split('/')[0]!) && to.includes('/'));
    expect(wrong).toEqual([]);
  });

  test('leaves reserved packages alone', () => {
    const wrong = imports.filter(({ target }) =>
      reserved.some(({ pattern, folders }) => pattern.test(target) && !folders.includes(folder)),
    );
    expect(wrong).toEqual([]);
  });
});

test('every folder with TypeScript has its arrows written down', () => {
  const folders = new Set(
    globSync('*/**/*.ts', { cwd: root })
      .filter((file) => !/node_modules|^\.|cdk\.out|^test\//.test(file))
      .map((file) => file.split('/')[0]),
  );
  expect([...folders].filter((folder) => !Object.hasOwn(allowed, folder!))).toEqual([]);
});
