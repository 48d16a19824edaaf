/** Requests that CloudFront answers itself, before any behavior: malformed, too long, or for somebody else. */

import type { IncomingMessage } from 'node:http';
import { hasBody } from '../proxy.ts';
import { matches } from '../wildcard.ts';
import type { EdgeConfig } from './config.ts';

/** Bytes of a URL ("Quotas", CloudFront developer guide). */
const longestUrl = 8_192;

/** Names of this machine, where nothing but the edge listens. */
const loopback = ['localhost', '127.0.0.1', '[::1]'];

export interface Refusal {
  readonly status: number;
  readonly sentence: string;
}

/**
 * Why a request goes no further, or undefined. Names are checked as CloudFront does for alternate domain names; here
 * that also keeps out a web page whose own name was pointed at this machine.
 */
export function refusalOf(
  request: IncomingMessage,
  { names, distribution }: Pick<EdgeConfig, 'names' | 'distribution'>,
): Refusal | undefined {
  const { url = '', method = 'GET' } = request;
  const hosts = request.headersDistinct['host'] ?? [];
  // What this machine and an origin could read differently is read by neither (RFC 9112, sections 3.2 and 11.2).
  if (hosts.length !== 1) return { status: 400, sentence: 'A request has one Host header.' };
  if (!url.startsWith('/')) return { status: 400, sentence: 'A request names a path.' };
  if (url.length > longestUrl) {
    return { status: 414, sentence: `A URL has at most ${longestUrl} characters.` };
  }
  const host = hosts[0]!.replace(/:\d*$/, '').toLowerCase();
  const known = [...loopback, distribution.domain, ...names];
  if (!known.some((name) => matches(name, host, { ignoreCase: true }))) {
    return { status: 403, sentence: 'The distribution is not configured for this name.' };
  }
  if (['GET', 'HEAD'].includes(method) && hasBody(request)) {
    return { status: 403, sentence: `${method} takes no body.` };
  }
  return undefined;
}
