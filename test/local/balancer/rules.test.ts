import { describe, expect, test } from '@jest/globals';
import { type Action, type Condition, decide, redirectLocation } from '../../../local/balancer/rules.ts';

const fixed = (status: number): Action => ({ kind: 'fixed-response', status });
const asked = {
  method: 'GET',
  path: '/readyz',
  query: 'a=1&b=two',
  headers: { host: 'www.Example.com:443' },
};

describe('decide', () => {
  const always: Condition = { field: 'path-pattern', values: ['*'] };

  test('the lowest priority that holds wins, whatever the order', () => {
    const rules = [
      { priority: 20, conditions: [always], action: fixed(220) },
      { priority: 10, conditions: [always], action: fixed(210) },
      { priority: 5, conditions: [{ ...always, values: ['/no'] }], action: fixed(205) },
    ];
    expect(decide(rules, fixed(403), asked)).toEqual(fixed(210));
  });

  test('without a rule that holds the default answers', () => {
    expect(decide([], fixed(403), asked)).toEqual(fixed(403));
  });

  test.each<[string, readonly Condition[], boolean]>([
    ['a path', [{ field: 'path-pattern', values: ['/x', '/ready*'] }], true],
    ['a path in another case', [{ field: 'path-pattern', values: ['/READYZ'] }], false],
    ['a host in any case, without its port', [{ field: 'host-header', values: ['*.example.COM'] }], true],
    ['another host', [{ field: 'host-header', values: ['example.com'] }], false],
    ['a method', [{ field: 'http-request-method', values: ['GET'] }], true],
    ['a query by key', [{ field: 'query-string', values: [{ key: 'b', value: 't?o' }] }], true],
    ['a query by value alone', [{ field: 'query-string', values: [{ value: '1' }] }], true],
    ['another query', [{ field: 'query-string', values: [{ key: 'a', value: '2' }] }], false],
    [
      'all of several',
      [
        { field: 'path-pattern', values: ['/readyz'] },
        { field: 'http-request-method', values: ['POST'] },
      ],
      false,
    ],
  ])('%s', (_, conditions, holds) => {
    const action = decide([{ priority: 1, conditions, action: fixed(200) }], fixed(403), asked);
    expect(action).toEqual(fixed(holds ? 200 : 403));
  });

  test('a header by its name in any case, one of several values, wildcards and case ignored', () => {
    const secret: Condition = { field: 'http-header', name: 'X-Origin-Verify', values: ['old', 'NEW*'] };
    const rules = [{ priority: 1, conditions: [secret], action: fixed(200) }];
    const withHeader = (value: string) => ({ ...asked, headers: { 'x-origin-verify': value } });
    expect(decide(rules, fixed(403), withHeader('new-secret'))).toEqual(fixed(200));
    expect(decide(rules, fixed(403), withHeader('older'))).toEqual(fixed(403));
    expect(decide(rules, fixed(403), asked)).toEqual(fixed(403));
  });
});

test('a redirect fills in what it does not change', () => {
  const action = {
    kind: 'redirect',
    status: 301,
    protocol: 'HTTPS',
    host: '#{host}',
    port: '443',
    path: '/#{path}',
    query: '#{query}',
  } as const;
  const from = { protocol: 'HTTP', host: 'a.example', port: '80', path: '/x/y', query: 'q=1' };
  expect(redirectLocation(action, from)).toBe('https://a.example:443/x/y?q=1');
  expect(redirectLocation(action, { ...from, query: '' })).toBe('https://a.example:443/x/y');
});
