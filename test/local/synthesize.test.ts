import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { synthesize } from '../../local/synthesize.ts';
import { temporaryFolder } from '../support/assembly.ts';

/** Synthesizes with an app that is a line of code. */
async function run(code: string): Promise<string> {
  const project = temporaryFolder();
  const outdir = join(project, 'out/cdk.out');
  writeFileSync(join(project, 'app.mjs'), code);
  const app = `'${process.execPath}' app.mjs`;
  writeFileSync(join(project, 'cdk.json'), JSON.stringify({ app, context: { 'some:flag': true } }));
  mkdirSync(outdir, { recursive: true });
  writeFileSync(join(outdir, 'stale'), '');
  await synthesize({ project, environment: 'demo', outdir });
  return readFileSync(join(outdir, 'manifest.json'), 'utf8');
}

describe('the app', () => {
  test("gets cdk.json's context, the CLI's and the environment, and an empty folder", async () => {
    process.env['CDK_DEFAULT_ACCOUNT'] = '222222222222';
    const seen = JSON.parse(
      await run(`import fs from 'node:fs';
        const { CDK_OUTDIR: out, CDK_CONTEXT_JSON, CDK_VALIDATION, CDK_DEFAULT_ACCOUNT } = process.env;
        fs.writeFileSync(out + '/manifest.json', JSON.stringify({
          context: JSON.parse(CDK_CONTEXT_JSON), CDK_VALIDATION, CDK_DEFAULT_ACCOUNT, files: fs.readdirSync(out) }));`),
    );
    delete process.env['CDK_DEFAULT_ACCOUNT'];
    expect(seen).toEqual({
      context: {
        'some:flag': true,
        'aws:cdk:enable-path-metadata': true,
        'aws:cdk:enable-asset-metadata': true,
        'aws:cdk:version-reporting': true,
        'aws:cdk:bundling-stacks': ['**'],
        env: 'demo',
      },
      CDK_VALIDATION: 'false',
      files: [],
    });
  });

  test.each([
    ['throws', `throw new TypeError('no such\\nthing');`, 'no such\nthing'],
    ['prints a sentence', `console.error('wrong value'); process.exit(1);`, 'wrong value'],
    ['says nothing', 'process.exit(3);', "'.*' exited with 3 and wrote no assembly to .*"],
    ['writes nothing', '', "'.*' exited with 0 and wrote no assembly to .*"],
  ])('that %s fails with what it means', async (_, code, message) => {
    await expect(run(code)).rejects.toThrow(new RegExp(`^${message}$`));
  });
});
