/**
 * One snapshot per kind of stack: what a change does to the templates, for its reviewer. What the templates must be is
 * asserted elsewhere.
 */

import { describe, expect, test } from '@jest/globals';
import { synthesize } from '../support/synth.ts';

/** Hashes of code change with the code, which is not what a template's reviewer looks for. */
expect.addSnapshotSerializer({
  test: (value) => typeof value === 'string' && /[0-9a-f]{64}/.test(value),
  serialize: (value) => JSON.stringify(value.replace(/[0-9a-f]{64}/g, '<hash>')),
});

describe('production', () => {
  const production = synthesize('production');
  // The primary's data stack holds what the others share; one other region stands for all others.
  const ids = production.ids.filter((id) => !id.startsWith('ap-southeast-1'));

  test.each(ids.filter((id) => !id.startsWith('us-east-1') || id === 'us-east-1-data'))('%s', (id) => {
    expect(production.assembly.stacks.find((stack) => stack.id === id)!.template).toMatchSnapshot();
  });
});

describe('dev', () => {
  const dev = synthesize('dev');

  test.each(dev.ids)('%s', (id) => {
    expect(dev.assembly.stacks.find((stack) => stack.id === id)!.template).toMatchSnapshot();
  });
});
