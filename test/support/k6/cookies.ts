/** A VU's cookies: the part of RFC 6265 that a site on one host meets. */

import type { Cookie } from './messages.ts';

export class CookieJar {
  #cookies: Cookie[] = [];

  clear(): void {
    this.#cookies = [];
  }

  /** Keeps what an answer sets; a cookie that has expired takes its predecessor away. */
  keep(set: readonly Cookie[]): void {
    for (const cookie of set) {
      this.#cookies = this.#cookies.filter(
        ({ name, domain, path }) => name !== cookie.name || domain !== cookie.domain || path !== cookie.path,
      );
      if (cookie.expires === 0 || cookie.expires > Date.now()) this.#cookies.push(cookie);
    }
  }

  /** Names and values that a request to an address carries. */
  for(url: URL): Record<string, string> {
    const fitting = this.#cookies.filter(
      ({ domain, path, secure, expires }) =>
        (url.hostname === domain || url.hostname.endsWith(`.${domain}`)) &&
        (url.pathname === path || url.pathname.startsWith(path.endsWith('/') ? path : `${path}/`)) &&
        (!secure || url.protocol === 'https:') &&
        (expires === 0 || expires > Date.now()),
    );
    return Object.fromEntries(fitting.map(({ name, value }) => [name, value]));
  }
}

/** One Set-Cookie header of an answer from an address; undefined for one that names nothing. */
export function parseSetCookie(header: string, url: URL): Cookie | undefined {
  const [pair = '', ...rest] = header.split(';');
  const at = pair.indexOf('=');
  if (at < 1) return undefined;
  const attributes = new Map(
    rest.map((each) => {
      const [name = '', ...value] = each.split('=');
      return [name.trim().toLowerCase(), value.join('=').trim()];
    }),
  );
  const maxAge = Number(attributes.get('max-age') ?? Number.NaN);
  const expires = Date.parse(attributes.get('expires') ?? '');
  return {
    name: pair.slice(0, at).trim(),
    value: pair.slice(at + 1).trim(),
    domain: (attributes.get('domain') || url.hostname).replace(/^\./, '').toLowerCase(),
    path: attributes.get('path')?.startsWith('/') ? attributes.get('path')! : '/',
    httpOnly: attributes.has('httponly'),
    secure: attributes.has('secure'),
    maxAge: Number.isNaN(maxAge) ? 0 : maxAge,
    expires: expiry(maxAge, expires),
  };
}

/** Max-Age wins over Expires. */
function expiry(maxAge: number, expires: number): number {
  if (!Number.isNaN(maxAge)) return maxAge > 0 ? Date.now() + maxAge * 1000 : 1;
  return Number.isNaN(expires) ? 0 : expires;
}
