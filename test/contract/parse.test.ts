/** Which versions of a message are read. */

import { describe, expect, test } from '@jest/globals';
import * as Type from 'typebox';
import { MessageVersion, messageParser } from '../../contract/parse.ts';

const reader = (version: number) =>
  messageParser(Type.Object({ version: MessageVersion(version) }), 'a message');

describe('a reader of version 3', () => {
  test.each([2, 3, 4])('reads version %d', (version) => {
    expect(reader(3)(JSON.stringify({ version, added: true }))).toMatchObject({ version });
  });

  test.each([1, 5, 2.5, '3', null])('refuses version %j', (version) => {
    expect(() => reader(3)(JSON.stringify({ version }))).toThrow(/^not a message: \/version/);
  });
});

test('there is no version before the first', () => {
  expect(() => reader(1)('{"version":0}')).toThrow(/^not a message: \/version/);
});
