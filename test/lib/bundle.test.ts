import { createHash } from 'node:crypto';
import { existsSync, lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type MadeBundles, makeBundles } from '../support/bundles.ts';

const root = resolve(import.meta.dirname, '../..');
/** All that do not depend on the engine. */
const kinds = ['web', 'migrate', 'invalidate', 'publish'] as const;
let embedded: MadeBundles;
let rekognition: MadeBundles;

beforeAll(() => {
  embedded = makeBundles('embedded');
  rekognition = makeBundles('rekognition');
}, 60_000);
afterAll(() => {
  for (const made of [embedded, rekognition]) made?.remove();
});

/** Every file below a folder, as its path and content. */
function digest(folder: string): string {
  const hash = createHash('sha256');
  const paths = readdirSync(folder, { recursive: true }).map(String).sort();
  for (const path of paths) {
    if (lstatSync(join(folder, path)).isDirectory()) continue;
    hash
      .update(path)
      .update('\0')
      .update(readFileSync(join(folder, path)));
  }
  return hash.digest('hex');
}

const filesOf = (folder: string) => readdirSync(folder).sort();

test.each(kinds)('%s is the same every time, and names no path of this machine', (kind) => {
  expect(digest(rekognition[kind])).toBe(digest(embedded[kind]));
  const script = readFileSync(join(embedded[kind], kind === 'web' ? 'server.mjs' : 'index.mjs'), 'utf8');
  expect(script).not.toContain(root);
  expect(script).not.toContain(embedded[kind]);
});

test('each folder holds what its asset needs, and nothing else', () => {
  expect(filesOf(embedded.web)).toEqual(['Dockerfile', 'client', 'server.mjs']);
  expect(filesOf(embedded.publish)).toEqual(['client', 'index.mjs']);
  expect(filesOf(embedded.migrate)).toEqual(['index.mjs', 'migrations']);
  expect(filesOf(embedded.invalidate)).toEqual(['index.mjs']);
  expect(filesOf(rekognition.worker)).toEqual(['index.mjs']);
  expect(filesOf(embedded.worker)).toEqual([
    'index.mjs',
    'model',
    'node_modules',
    'tfjs-backend-wasm-simd.wasm',
  ]);
  expect(filesOf(join(embedded.migrate, 'migrations'))).toEqual(filesOf(join(root, 'db/migrations')));
});

test('the embedded worker carries the native packages of Lambda, without links and notes of npm', () => {
  const modules = join(embedded.worker, 'node_modules');
  expect(existsSync(join(modules, '@img/sharp-linux-arm64'))).toBe(true);
  expect(existsSync(join(modules, '.bin'))).toBe(false);
  expect(existsSync(join(modules, '.package-lock.json'))).toBe(false);
});

test('the other worker needs neither a decoder nor a model', () => {
  const script = readFileSync(join(rekognition.worker, 'index.mjs'), 'utf8');
  expect(script).not.toMatch(/from\s*"sharp"|GraphModel/);
  expect(readFileSync(join(embedded.worker, 'index.mjs'), 'utf8')).toMatch(/from\s*"sharp"/);
});

describe('the client', () => {
  const manifest = () =>
    JSON.parse(readFileSync(join(embedded.web, 'client/manifest.json'), 'utf8')) as Record<string, string>;

  test('is the same where it is served and where it is published', () => {
    expect(digest(join(embedded.publish, 'client'))).toBe(digest(join(embedded.web, 'client')));
  });

  test('has names that change with the content, and a manifest of them', () => {
    expect(Object.keys(manifest()).sort()).toEqual(['app.css', 'app.js', 'fallback.js']);
    for (const [plain, hashed] of Object.entries(manifest())) {
      expect(hashed).toMatch(new RegExp(`^${plain.replace('.', '-[A-Z0-9]{8}\\.')}$`));
      expect(existsSync(join(embedded.web, 'client', hashed))).toBe(true);
    }
  });

  test('stays small', () => {
    const bytes = Object.values(manifest()).map((file) => lstatSync(join(embedded.web, 'client', file)).size);
    expect(bytes.reduce((sum, size) => sum + size)).toBeLessThan(16 * 1024);
  });
});

test('the container is built without running anything', () => {
  const lines = readFileSync(join(embedded.web, 'Dockerfile'), 'utf8').split('\n');
  expect(lines.filter((line) => /^\s*RUN\b/i.test(line))).toEqual([]);
  expect(lines).toContain('USER node');
  expect(lines.find((line) => line.startsWith('FROM'))).toMatch(
    /^FROM public\.ecr\.aws\/docker\/library\/node:24\.\d+\.\d+-/,
  );
});
