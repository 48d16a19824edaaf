/** The local run's promise: what it runs are the templates that `cdk synth` makes. */

import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { synthesize } from '../../local/synthesize.ts';
import { temporaryFolder } from '../support/assembly.ts';

const project = join(import.meta.dirname, '../..');

/** File name → text of every template below a folder. */
function templates(folder: string): Record<string, string> {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith('.template.json'),
  );
  return Object.fromEntries(files.sort().map((file) => [file, readFileSync(join(folder, file), 'utf8')]));
}

test.each(['local', 'dev'])(
  '%s',
  async (environment) => {
    const folder = temporaryFolder();
    const [here, there] = [join(folder, 'here'), join(folder, 'there')];
    await synthesize({ project, environment, outdir: here });
    const { CDK_DEFAULT_ACCOUNT: _, ...env } = process.env;
    const cdk = spawnSync(
      process.execPath,
      [
        'node_modules/aws-cdk/bin/cdk',
        'synth',
        '-q',
        '--no-validation',
        '-c',
        `env=${environment}`,
        '-o',
        there,
      ],
      { cwd: project, env, encoding: 'utf8' },
    );
    expect(`${cdk.status} ${cdk.status === 0 ? '' : cdk.stderr}`.trim()).toBe('0');
    const made = templates(here);
    expect(Object.keys(made).length).toBeGreaterThan(4);
    expect(templates(there)).toEqual(made);
  },
  120_000,
);
