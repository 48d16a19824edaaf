import { describe, expect, test } from '@jest/globals';
import {
  forwardedHeaders,
  forwardedQuery,
  forwardingOf,
  managedPolicy,
  union,
} from '../../../local/edge/policies.ts';

const allViewerExceptHost = managedPolicy('b689b0a8-53d0-40ab-baf2-68738e2966ac')!;
const viewer = {
  host: 'localhost:8080',
  cookie: 'owner=1; theme=dark',
  accept: '*/*',
  range: 'bytes=0-9',
  authorization: 'Bearer x',
  'user-agent': 'Browser',
  'cloudfront-viewer-country': 'XX',
};

describe('headers', () => {
  test('without a policy only what describes the body passes, and no cookie', () => {
    const nothing = { headers: [], cookies: [], query: [] };
    expect(forwardedHeaders(viewer, nothing)).toEqual({
      'user-agent': 'Amazon CloudFront',
      range: 'bytes=0-9',
    });
  });

  test('AllViewerExceptHostHeader passes everything but Host, and nothing that only CloudFront may say', () => {
    const headers = forwardedHeaders(viewer, allViewerExceptHost, { 'cloudfront-viewer-country': 'DE' });
    expect(headers).toMatchObject({
      cookie: 'owner=1; theme=dark',
      authorization: 'Bearer x',
      'user-agent': 'Browser',
    });
    expect(Object.keys(headers)).not.toContain('host');
    expect(Object.keys(headers)).not.toContain('cloudfront-viewer-country');
  });

  test('a policy of the template chooses headers, cookies and CloudFront’s own headers by name', () => {
    const forwarding = forwardingOf({
      HeadersConfig: { HeaderBehavior: 'whitelist', Headers: ['Accept', 'CloudFront-Viewer-Country'] },
      CookiesConfig: { CookieBehavior: 'allExcept', Cookies: ['theme'] },
    });
    expect(forwardedHeaders(viewer, forwarding, { 'cloudfront-viewer-country': 'DE' })).toEqual({
      'user-agent': 'Amazon CloudFront',
      accept: '*/*',
      range: 'bytes=0-9',
      cookie: 'owner=1',
      'cloudfront-viewer-country': 'DE',
    });
  });
});

test('the query is the union of what the policies select, in its own order and spelling', () => {
  const only = (name: string) =>
    forwardingOf({ QueryStringsConfig: { QueryStringBehavior: 'whitelist', QueryStrings: [name] } });
  expect(forwardedQuery('b=2&a=%20&c=3', union(only('a'), only('b')))).toBe('?b=2&a=%20');
  expect(forwardedQuery('c=3', only('a'))).toBe('');
  expect(forwardedQuery('c=3&c=4', allViewerExceptHost)).toBe('?c=3&c=4');
});
