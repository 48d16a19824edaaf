import { expect, test } from '@jest/globals';
import { processed } from '../../local/batch-failures.ts';

const ids = ['1', '2', '3'];
const failures = (...list: unknown[]) => ({ batchItemFailures: list.map((id) => ({ itemIdentifier: id })) });

test.each([
  ['nothing returned', null, ids],
  ['an empty object', {}, ids],
  ['a null list', { batchItemFailures: null }, ids],
  ['an empty list', failures(), ids],
  ['one of three', failures('2'), ['1', '3']],
  ['all', failures('1', '2', '3'), []],
  ['an id that is not in the batch', failures('2', '9'), []],
  ['an empty id', failures(''), []],
  ['a null id', failures(null), []],
  ['a wrong key', { batchItemFailures: [{ id: '2' }] }, []],
  ['no list', { batchItemFailures: 'all' }, []],
  ['no object', 'ok', []],
])('%s', (_, response, expected) => {
  expect(processed(response, ids)).toEqual(expected);
});
