/** Writes small cloud assemblies by hand, and the parts of a run around them. */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from '@jest/globals';
import { type Assembly, readAssembly, type Template } from '../../local/assembly.ts';

export interface StackFixture {
  readonly id: string;
  readonly region?: string;
  readonly dependencies?: readonly string[];
  readonly template: Template;
  /** Content hash → folder inside the assembly. */
  readonly files?: Readonly<Record<string, string>>;
  readonly images?: Readonly<Record<string, string>>;
}

export const account = '111111111111';

const folders: string[] = [];

afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** A folder that is removed after the test file. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'meridian-'));
  folders.push(folder);
  return folder;
}

/** Writes an assembly with one stage, as the CDK does: the stage's stacks lie in a nested assembly. */
export function writeAssembly(directory: string, stacks: readonly StackFixture[]): void {
  const nested = join(directory, 'assembly-stage');
  mkdirSync(nested, { recursive: true });
  const artifacts = stacks.flatMap(
    ({ id, region = 'eu-west-1', dependencies = [], template, files, images }) => {
      const key = `stage${id.replaceAll('-', '')}1A2B3C4D`;
      const source = (path: string) => ({ path: `../${path}`, packaging: 'zip' });
      json(join(nested, `${key}.template.json`), template);
      json(join(nested, `${key}.assets.json`), {
        files: Object.fromEntries(
          Object.entries(files ?? {}).map(([hash, path]) => [hash, { source: source(path) }]),
        ),
        dockerImages: Object.fromEntries(
          Object.entries(images ?? {}).map(([hash, path]) => [hash, { source: { directory: `../${path}` } }]),
        ),
      });
      const stackKeys = dependencies.map((other) => `stage${other.replaceAll('-', '')}1A2B3C4D`);
      return [
        [`${key}.assets`, { type: 'cdk:asset-manifest', properties: { file: `${key}.assets.json` } }],
        [
          key,
          {
            type: 'aws:cloudformation:stack',
            environment: `aws://${account}/${region}`,
            displayName: `stage/${id}`,
            dependencies: [`${key}.assets`, ...stackKeys],
            properties: { templateFile: `${key}.template.json`, stackName: `meridian-test-${id}` },
          },
        ],
      ];
    },
  );
  json(join(nested, 'manifest.json'), { artifacts: Object.fromEntries(artifacts) });
  json(join(directory, 'manifest.json'), {
    artifacts: {
      Tree: { type: 'cdk:tree', properties: { file: 'tree.json' } },
      'assembly-stage': { type: 'cdk:cloud-assembly', properties: { directoryName: 'assembly-stage' } },
    },
  });
}

/** Writes and reads an assembly in a folder of its own. */
export function assemblyOf(...stacks: readonly StackFixture[]): Assembly {
  const directory = temporaryFolder();
  writeAssembly(directory, stacks);
  return readAssembly(directory);
}

function json(file: string, value: unknown): void {
  writeFileSync(file, JSON.stringify(value));
}
