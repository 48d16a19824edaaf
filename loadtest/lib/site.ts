/** The site's API as its page uses it, in the name of one tester. */

import { check } from 'k6';
import http, { type RefinedParams, type RefinedResponse } from 'k6/http';
import { Rate } from 'k6/metrics';
import { type Place, siteHeaders } from './places.ts';

/** Who asks: cookies of a place and an owner, from setup. */
export type Cookies = Record<string, string>;

export interface Image {
  readonly id: string;
  readonly status: 'waiting' | 'classified' | 'rejected';
  readonly url: string;
  readonly labels?: readonly { readonly name: string }[];
}

export interface Slot {
  readonly id: string;
  readonly key: string;
  readonly upload: { readonly url: string; readonly headers: Record<string, string> };
}

export type Answer = RefinedResponse<'text'>;

interface Call {
  /** What the request is called in results: `GET /api/images/:id`, not one name per id. */
  readonly name: string;
  readonly kind: 'read' | 'accept' | 'other';
  /** Statuses that are no failure. @default 200 to 399 */
  readonly expected?: number[];
  readonly timeout?: string;
  readonly tags?: Record<string, string>;
}

const servedHome = new Rate('served_home');

/** A tester at a place. */
export class Visitor {
  readonly place: Place;
  readonly cookies: Cookies;
  readonly #cookies: Record<string, { value: string; replace: boolean }>;
  readonly #timeout: string;
  readonly #tags: Record<string, string>;

  constructor(place: Place, cookies: Cookies, timeout = '30s', tags: Record<string, string> = {}) {
    this.place = place;
    this.cookies = cookies;
    // Without `replace` k6 sends a cookie beside the one of that name in its jar.
    this.#cookies = Object.fromEntries(
      Object.entries(cookies).map(([name, value]) => [name, { value, replace: true }]),
    );
    this.#timeout = timeout;
    this.#tags = tags;
  }

  page(): Answer {
    return this.#get('/', { name: 'GET /', kind: 'read' });
  }

  images(): Answer {
    return this.#get('/api/images', { name: 'GET /api/images', kind: 'read' });
  }

  /** @param expected statuses that are no failure, where 404 is an answer too */
  image(id: string, expected?: number[]): Answer {
    return this.#get(`/api/images/${id}`, {
      name: 'GET /api/images/:id',
      kind: 'read',
      ...(expected && { expected }),
    });
  }

  /** Request of `image`, for a batch over several places. */
  imageRequest(id: string): { method: string; url: string; params: RefinedParams<'text'> } {
    const call: Call = { name: 'GET /api/images/:id', kind: 'other', expected: [200, 404] };
    return { method: 'GET', url: `${this.place.baseUrl}/api/images/${id}`, params: this.#params(call) };
  }

  /** The picture itself. */
  picture(path: string): Answer {
    return this.#get(path, { name: 'GET /media', kind: 'other' });
  }

  /** Asks for a place to upload to. */
  slot(claim: object): Answer {
    const call: Call = { name: 'POST /api/images', kind: 'accept' };
    return this.#post('/api/images', claim, call);
  }

  /** Sends a picture to S3, which is no part of the site: neither cookies nor headers of it go there. */
  put(slot: Slot, picture: ArrayBuffer): Answer {
    return http.put(slot.upload.url, picture, {
      headers: slot.upload.headers,
      timeout: this.#timeout,
      responseType: 'text',
      tags: { ...this.#tags, name: 'PUT upload', kind: 'other' },
    });
  }

  complete(slot: Slot): Answer {
    const call: Call = { name: 'POST /api/images/:id/complete', kind: 'accept' };
    return this.#post(`/api/images/${slot.id}/complete`, { key: slot.key }, call);
  }

  #get(path: string, call: Call): Answer {
    return this.#noted(http.get(this.place.baseUrl + path, this.#params(call)));
  }

  #post(path: string, body: object, call: Call): Answer {
    const params = this.#params(call);
    const headers = { ...params.headers, 'Content-Type': 'application/json' };
    return this.#noted(http.post(this.place.baseUrl + path, JSON.stringify(body), { ...params, headers }));
  }

  #params({ name, kind, expected }: Call): RefinedParams<'text'> {
    return {
      headers: { ...siteHeaders },
      cookies: this.#cookies,
      timeout: this.#timeout,
      responseType: 'text',
      tags: { ...this.#tags, name, kind },
      ...(expected && { responseCallback: http.expectedStatuses(...expected) }),
    };
  }

  #noted(answer: Answer): Answer {
    const region = servedBy(answer);
    if (region && this.place.home) servedHome.add(region === this.place.home);
    return answer;
  }
}

/** Region that served an answer; undefined for a cached page or no answer. */
export const servedBy = (answer: Answer): string | undefined => answer.headers['X-Served-Region'];

/** Whether an answer has a status; a failed check says what came instead. */
export function answered(answer: Answer, status: number, what: string): boolean {
  const ok = check(answer, { [what]: (one) => one.status === status });
  if (!ok) {
    const got = answer.error || String(answer.body).slice(0, 200);
    console.warn(`${what}: got ${answer.status} ${got}, expected ${status}`);
  }
  return ok;
}
