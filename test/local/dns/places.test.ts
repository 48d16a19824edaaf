/** The real IP-to-country database, in both directions. */

import { expect, test } from '@jest/globals';
import { subnetOf, viewerAt } from '../../../local/dns/places.ts';
import { viewerOf } from '../../../local/edge/viewer.ts';

test('an address of either family is in its country, with the continent around it', () => {
  expect(viewerAt('193.0.6.139')).toEqual({ continent: 'EU', country: 'NL' });
  expect(viewerAt('2001:67c:2e8:22::c100:68b')).toEqual({ continent: 'EU', country: 'NL' });
});

test.each(['127.0.0.1', '10.0.0.1', '::1', 'nonsense'])('nobody knows where %s is', (address) => {
  expect(viewerAt(address)).toEqual({});
});

test.each(['DE', 'JP', 'BR', 'ZA', 'AU', 'US', 'IS', 'US-CA', 'US-NY'])(
  'the network chosen for %s is there, all of it',
  (place) => {
    const viewer = viewerOf(place)!;
    const { address, prefixLength } = subnetOf(viewer)!;
    expect(prefixLength).toBe(24);
    for (const last of ['0', '255']) {
      expect(viewerAt(address.replace(/\d+$/, last))).toEqual(viewer);
    }
  },
);

test('a place without a network has none', () => {
  expect(subnetOf({})).toBeUndefined();
  expect(subnetOf({ country: 'XX' })).toBeUndefined();
});
