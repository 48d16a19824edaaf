import { expect, test } from '@jest/globals';
import { parseDockerfile } from '../../local/dockerfile.ts';

test('the last CMD counts, ENV lines add up', () => {
  const text = `FROM node:24 AS base
ENV NODE_ENV=production A="two words"
CMD ["node", "old.mjs"]
ENV B=1 \\
    C=2
CMD ["node", "--enable-source-maps", "server.mjs"]
`;
  expect(parseDockerfile(text)).toEqual({
    command: ['node', '--enable-source-maps', 'server.mjs'],
    environment: { NODE_ENV: 'production', A: 'two words', B: '1', C: '2' },
  });
});

test.each([
  ['FROM node:24', 'has no CMD'],
  ['CMD node server.mjs', 'got CMD node server.mjs, expected its exec form'],
])('%s is refused', (text, message) => {
  expect(() => parseDockerfile(text)).toThrow(message);
});
