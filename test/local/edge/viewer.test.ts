import { describe, expect, test } from '@jest/globals';
import { placeOf, takeViewer, viewerCookie, viewerOf } from '../../../local/edge/viewer.ts';

describe('viewerOf', () => {
  test.each([
    ['DE', { continent: 'EU', country: 'DE' }],
    ['us-ca', { continent: 'NA', country: 'US', state: 'CA' }],
    ['JP', { continent: 'AS', country: 'JP' }],
    ['BR', { continent: 'SA', country: 'BR' }],
  ])('%s', (place, viewer) => {
    expect(viewerOf(place)).toEqual(viewer);
    expect(placeOf(viewer)).toBe(place.toUpperCase());
  });

  test.each(['', 'XX', 'DE-BY', 'Germany', 'toString'])('%s is no place', (place) => {
    expect(viewerOf(place)).toBeUndefined();
  });
});

describe('takeViewer', () => {
  test('reads the cookie and leaves the others', () => {
    const [pair] = viewerCookie({ country: 'DE' }).split(';');
    const { viewer, headers } = takeViewer({ cookie: `owner=1; ${pair}; theme=dark`, accept: '*/*' });
    expect(viewer).toEqual({ continent: 'EU', country: 'DE' });
    expect(headers).toEqual({ cookie: 'owner=1; theme=dark', accept: '*/*' });
  });

  test('a viewer without it is in the US, and no empty Cookie header is left', () => {
    expect(takeViewer({}).viewer).toEqual({ continent: 'NA', country: 'US' });
    expect(takeViewer({ cookie: '__local_viewer=nonsense' })).toEqual({
      viewer: { continent: 'NA', country: 'US' },
      headers: {},
    });
  });
});
