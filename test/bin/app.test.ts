/** What `cdk` runs, as a process: the environment it chooses, and what it says when there is none. */

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { environments } from '../../config/environments.ts';

const root = join(import.meta.dirname, '../..');
const folder = mkdtempSync(join(tmpdir(), 'meridian-app-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs the app with context as the CLI gives it. */
function app(context: Record<string, string>) {
  return spawnSync(process.execPath, ['bin/app.ts'], {
    cwd: root,
    encoding: 'utf8',
    timeout: 30_000,
    env: {
      PATH: process.env['PATH'],
      CDK_CONTEXT_JSON: JSON.stringify(context),
      CDK_OUTDIR: join(folder, 'cdk.out'),
      CDK_VALIDATION: 'false',
    },
  });
}

test('an unknown environment is one sentence and exit code 1', () => {
  const { status, stderr } = app({ env: 'prd' });
  expect(status).toBe(1);
  expect(stderr.trim()).toBe(
    `unknown environment 'prd', expected one of: ${Object.keys(environments).join(', ')}`,
  );
});

test('an account that is none is one sentence and exit code 1', () => {
  const { status, stderr } = app({ env: 'dev', account: '12' });
  expect(status).toBe(1);
  expect(stderr.trim()).toBe(
    "environment 'dev' is not valid (config/environments.ts):\n  account: got '12', expected twelve digits",
  );
});
