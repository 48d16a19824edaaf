/** `cdk synth` of every environment, with CloudFormation's schemas and cdk-nag: no credentials, no finding, no warning. */

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { environments } from '../../config/environments.ts';

const root = join(import.meta.dirname, '../..');
const folder = mkdtempSync(join(tmpdir(), 'meridian-validation-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Report {
  readonly pluginReports: readonly {
    readonly pluginName: string;
    readonly conclusion: string;
    readonly violations: readonly unknown[];
  }[];
}

test.each(Object.keys(environments))(
  '%s',
  (environment) => {
    const out = join(folder, environment);
    const { AWS_PROFILE: _profile, ...env } = process.env;
    const { status, stderr } = spawnSync(
      join(root, 'node_modules/.bin/cdk'),
      ['synth', '-q', '--no-notices', '-c', `env=${environment}`, '-c', 'nag=true', '-o', out],
      {
        cwd: root,
        encoding: 'utf8',
        timeout: 120_000,
        // Whoever runs this may be signed in to AWS; the command must not use it.
        env: {
          ...env,
          AWS_CONFIG_FILE: '/dev/null',
          AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
          AWS_EC2_METADATA_DISABLED: 'true',
        },
      },
    );
    expect({ status, stderr: status === 0 ? '' : stderr }).toEqual({ status: 0, stderr: '' });
    const { pluginReports }: Report = JSON.parse(readFileSync(join(out, 'validation-report.json'), 'utf8'));
    const names = pluginReports.map(({ pluginName }) => pluginName);
    expect(names).toEqual(expect.arrayContaining(['CloudFormation Validate', 'AwsSolutions']));
    for (const { pluginName, conclusion, violations } of pluginReports) {
      expect({ pluginName, conclusion, violations }).toEqual({
        pluginName,
        conclusion: 'success',
        violations: [],
      });
    }
  },
  150_000,
);
