import { expect, test } from '@jest/globals';
import { matches } from '../../local/wildcard.ts';

test.each([
  ['/assets/*', '/assets/app.js', true],
  ['/assets/*', '/assets/', true],
  ['/assets/*', '/asset', false],
  ['/assets/*', '/x/assets/app.js', false],
  ['/a?c', '/abc', true],
  ['/a?c', '/ac', false],
  ['/a.c', '/abc', false],
  ['*.jpg', '/a/b.jpg', true],
  ['/A', '/a', false],
])('%s on %s', (pattern, text, expected) => {
  expect(matches(pattern, text)).toBe(expected);
});

test('case can be ignored', () => {
  expect(matches('*.Example.com', 'WWW.example.COM', { ignoreCase: true })).toBe(true);
});
