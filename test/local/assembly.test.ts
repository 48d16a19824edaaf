import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { readAssembly } from '../../local/assembly.ts';
import { temporaryFolder, writeAssembly } from '../support/assembly.ts';

const code = 'a'.repeat(64);
const image = 'b'.repeat(64);

describe('an assembly with a stage', () => {
  const directory = temporaryFolder();
  writeAssembly(directory, [
    {
      id: 'us-east-1-data',
      region: 'us-east-1',
      template: { Resources: { Key: { Type: 'AWS::KMS::Key' } } },
    },
    {
      id: 'eu-west-1-data',
      region: 'eu-west-1',
      dependencies: ['us-east-1-data'],
      template: {},
      files: { [code]: 'asset.code' },
      images: { [image]: 'asset.image' },
    },
  ]);
  const assembly = readAssembly(directory);

  test('gives its stacks in order, with names, places and dependencies', () => {
    expect(assembly.stacks.map(({ template: _, ...stack }) => stack)).toEqual([
      {
        id: 'us-east-1-data',
        name: 'meridian-test-us-east-1-data',
        account: '111111111111',
        region: 'us-east-1',
        dependencies: [],
      },
      {
        id: 'eu-west-1-data',
        name: 'meridian-test-eu-west-1-data',
        account: '111111111111',
        region: 'eu-west-1',
        dependencies: ['us-east-1-data'],
      },
    ]);
    expect(assembly.stacks[0]!.template.Resources).toEqual({ Key: { Type: 'AWS::KMS::Key' } });
  });

  test('gives the folders of file and image assets', () => {
    expect(Object.fromEntries(assembly.assets)).toEqual({
      [code]: join(directory, 'asset.code'),
      [image]: join(directory, 'asset.image'),
    });
  });
});
