/** Route 53's rules, each on records of its own. The template's records are in template-routing.test.ts. */

import { describe, expect, test } from '@jest/globals';
import { type Health, type RoutingRecord, resolve } from '../../local/routing.ts';

/** Everything is healthy but what is named. */
const except = (...unhealthy: string[]): Health => ({
  check: (id) => !unhealthy.includes(id),
  target: (name) => !unhealthy.includes(name),
});
const fine = except();

const alias = (name: string, to: string, more: Partial<RoutingRecord> = {}): RoutingRecord => ({
  name,
  type: 'A',
  alias: { name: to, evaluateTargetHealth: true },
  ...more,
});

describe('names', () => {
  const records: RoutingRecord[] = [
    { name: 'a.example', type: 'A', values: ['192.0.2.1'] },
    alias('b.example', 'a.example'),
    alias('c.example', 'lb.elb.amazonaws.com'),
    { name: 'c.example', type: 'AAAA', values: ['2001:db8::1'] },
  ];

  test('a simple record gives its values, an alias those of its target', () => {
    expect(resolve(records, fine, 'b.example')).toEqual({
      path: ['b.example', 'a.example'],
      values: ['192.0.2.1'],
    });
  });

  test('an alias to what is no record ends there, also when it is unhealthy and stands alone', () => {
    expect(resolve(records, except('lb.elb.amazonaws.com'), 'c.example')?.target).toBe(
      'lb.elb.amazonaws.com',
    );
  });

  test('case and a final dot do not count, the type does', () => {
    expect(resolve(records, fine, 'A.Example.')?.values).toEqual(['192.0.2.1']);
    expect(resolve(records, fine, 'c.example', {}, 'AAAA')?.values).toEqual(['2001:db8::1']);
    expect(resolve(records, fine, 'a.example', {}, 'AAAA')).toBeUndefined();
  });

  test('an unknown name has no answer', () => {
    expect(resolve(records, fine, 'nobody.example')).toBeUndefined();
  });

  test('a cycle is an error that shows it', () => {
    const cycle = [alias('a', 'b'), alias('b', 'a')];
    expect(() => resolve(cycle, fine, 'a')).toThrow('aliases of a form a cycle: a -> b -> a');
  });
});

describe('failover', () => {
  const pair = (secondaryCheck?: string): RoutingRecord[] => [
    alias('x', 'one.elb', { failover: 'PRIMARY', healthCheck: 'check-1' }),
    alias('x', 'two.elb', { failover: 'SECONDARY', healthCheck: secondaryCheck }),
  ];

  test.each([
    ['nothing is unhealthy', [], 'one.elb'],
    ["the primary's check is unhealthy", ['check-1'], 'two.elb'],
    ["the primary's target is unhealthy", ['one.elb'], 'two.elb'],
    ['only the secondary is unhealthy', ['two.elb'], 'one.elb'],
    ['both are unhealthy', ['check-1', 'check-2'], 'one.elb'],
  ])('%s', (_, unhealthy, expected) => {
    expect(resolve(pair('check-2'), except(...unhealthy), 'x')?.target).toBe(expected);
  });

  test('a secondary without check or evaluation counts as healthy', () => {
    const records = pair();
    const blind = [records[0]!, { ...records[1]!, alias: { name: 'two.elb', evaluateTargetHealth: false } }];
    expect(resolve(blind, except('check-1', 'two.elb'), 'x')?.target).toBe('two.elb');
  });

  test('a secondary that is a chain is healthy while any of its records is', () => {
    const chain: RoutingRecord[] = [
      alias('x', 'one.elb', { failover: 'PRIMARY' }),
      alias('x', 'y', { failover: 'SECONDARY' }),
      alias('y', 'two.elb', { failover: 'PRIMARY' }),
      alias('y', 'three.elb', { failover: 'SECONDARY' }),
    ];
    expect(resolve(chain, except('one.elb', 'two.elb'), 'x')?.target).toBe('three.elb');
    expect(resolve(chain, except('one.elb', 'two.elb', 'three.elb'), 'x')?.target).toBe('one.elb');
  });
});

describe('geolocation', () => {
  const geo = (target: string, geography: RoutingRecord['geography']): RoutingRecord =>
    alias('x', target, { geography });
  const records = [
    geo('default.elb', { country: '*' }),
    geo('europe.elb', { continent: 'EU' }),
    geo('germany.elb', { country: 'DE' }),
    geo('america.elb', { continent: 'NA' }),
    geo('california.elb', { country: 'US', state: 'CA' }),
  ];
  const germany = { continent: 'EU', country: 'DE' };

  test.each([
    ['its country', germany, 'germany.elb'],
    ['its continent', { continent: 'EU', country: 'FR' }, 'europe.elb'],
    ['its state', { continent: 'NA', country: 'US', state: 'CA' }, 'california.elb'],
    ['its continent, not another state', { continent: 'NA', country: 'US', state: 'NY' }, 'america.elb'],
    ['the default', { continent: 'AS', country: 'JP' }, 'default.elb'],
    ['the default when its place is unknown', {}, 'default.elb'],
  ])('a viewer gets the record of %s', (_, viewer, expected) => {
    expect(resolve(records, fine, 'x', viewer)?.target).toBe(expected);
  });

  test('an unhealthy record gives way to the next larger geography, not to a neighbour', () => {
    expect(resolve(records, except('germany.elb'), 'x', germany)?.target).toBe('europe.elb');
    expect(resolve(records, except('germany.elb', 'europe.elb'), 'x', germany)?.target).toBe('default.elb');
  });

  test('with all of them unhealthy the smallest answers', () => {
    const all = except('germany.elb', 'europe.elb', 'default.elb');
    expect(resolve(records, all, 'x', germany)?.target).toBe('germany.elb');
  });

  test('without a default a viewer from elsewhere gets no answer', () => {
    expect(resolve(records.slice(1), fine, 'x', { continent: 'AS', country: 'JP' })).toBeUndefined();
  });
});
