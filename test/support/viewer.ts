/** A person at a place: keeps cookies, uploads pictures and reads what was found, as a browser does. */

import { createHash, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

/** An image as the API answers it. */
export interface Image {
  readonly id: string;
  readonly status: 'waiting' | 'classified' | 'rejected';
  readonly url: string;
  readonly labels?: readonly { readonly name: string; readonly score: number }[];
  readonly reason?: string;
}

export interface Claim {
  readonly contentType: string;
  readonly size: number;
  readonly sha256: string;
}

/** What POST /api/images gives. */
export interface Slot {
  readonly id: string;
  readonly key: string;
  readonly upload: { readonly url: string; readonly headers: Readonly<Record<string, string>> };
}

export interface Answer<T> {
  readonly status: number;
  /** Region that served it. */
  readonly region: string | null;
  readonly task: string | null;
  readonly body: T;
}

/** What a picture claims to be. */
export function claimOf(picture: Uint8Array, contentType = 'image/png'): Claim {
  return {
    contentType,
    size: picture.byteLength,
    sha256: createHash('sha256').update(picture).digest('base64'),
  };
}

export class Viewer {
  readonly site: string;
  readonly #cookies = new Map<string, string>();
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(site: string) {
    this.site = site;
  }

  /** A viewer in a country, named by its ISO 3166 code. */
  static async in(country: string, site: string): Promise<Viewer> {
    const viewer = new Viewer(site);
    const answer = await viewer.fetch(`/__local/viewer?country=${country}`);
    if (answer.status >= 400) throw new Error(`the edge refused country '${country}': ${answer.status}`);
    return viewer;
  }

  async fetch(path: string, init: RequestInit = {}): Promise<Response> {
    const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const answer = await fetch(new URL(path, this.site), {
      redirect: 'manual',
      signal: AbortSignal.timeout(15_000),
      ...init,
      headers: { ...(cookie && { cookie }), ...init.headers },
    });
    for (const set of answer.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(set) ?? [];
      if (name) this.#cookies.set(name, value!);
    }
    return answer;
  }

  async call<T>(method: string, path: string, body?: unknown): Promise<Answer<T>> {
    const answer = await this.fetch(path, {
      method,
      ...(body !== undefined && {
        body: JSON.stringify(body),
        headers: { 'content-type': 'application/json' },
      }),
    });
    const text = await answer.text();
    return {
      status: answer.status,
      region: answer.headers.get('x-served-region'),
      task: answer.headers.get('x-served-task'),
      body: (answer.headers.get('content-type')?.includes('json') ? JSON.parse(text) : text) as T,
    };
  }

  /** Asks for a place to upload to; the picture need not exist. One after the other, as the page does. */
  slot(claim: Claim): Promise<Slot> {
    const mine = this.#turn.then(() => this.#claim(claim));
    this.#turn = mine.catch(() => {});
    return mine;
  }

  async #claim(claim: Claim): Promise<Slot> {
    const { status, body } = await this.call<Slot>('POST', '/api/images', claim);
    if (status !== 201) throw new Error(`POST /api/images answered ${status}: ${JSON.stringify(body)}`);
    return body;
  }

  /** Sends a picture to where a slot says. */
  async put(slot: Slot, picture: Uint8Array, headers: Record<string, string> = {}): Promise<Response> {
    return fetch(slot.upload.url, {
      method: 'PUT',
      headers: { ...slot.upload.headers, ...headers },
      body: Buffer.from(picture),
      signal: AbortSignal.timeout(15_000),
    });
  }

  /** Uploads a picture whole; resolves when it is accepted. */
  async upload(
    picture: Uint8Array,
    contentType = 'image/png',
  ): Promise<{ slot: Slot; region: string | null }> {
    const slot = await this.slot(claimOf(picture, contentType));
    const put = await this.put(slot, picture);
    if (!put.ok) throw new Error(`PUT answered ${put.status}: ${await put.text()}`);
    const accepted = await this.call<Image>('POST', `/api/images/${slot.id}/complete`, { key: slot.key });
    if (accepted.status !== 202) {
      throw new Error(`complete answered ${accepted.status}: ${JSON.stringify(accepted.body)}`);
    }
    return { slot, region: accepted.region };
  }

  /** The image once a worker has said something of it. */
  async result(id: string, withinMs = 60_000): Promise<Image> {
    const deadline = performance.now() + withinMs;
    let last = 'nothing';
    while (performance.now() < deadline) {
      const { status, body } = await this.call<Image>('GET', `/api/images/${id}`).catch((error) => ({
        status: 0,
        body: { status: String(error) } as unknown as Image,
      }));
      if (status === 200 && body.status !== 'waiting') return body;
      last = `${status} ${JSON.stringify(body)}`;
      await sleep(100);
    }
    throw new Error(`no result for ${id} within ${withinMs} ms; last answer: ${last}`);
  }

  /** Opens the event stream; `next` resolves with the first event that the predicate takes. */
  async events(): Promise<{
    next<T>(accept: (event: T) => boolean, withinMs?: number): Promise<T>;
    close(): void;
  }> {
    const abort = new AbortController();
    const answer = await this.fetch('/api/events', { signal: abort.signal });
    if (answer.status !== 200) throw new Error(`GET /api/events answered ${answer.status}`);
    const seen: unknown[] = [];
    const waiting = new Set<() => void>();
    const read = async () => {
      let text = '';
      for await (const chunk of answer.body!.pipeThrough(new TextDecoderStream())) {
        text += chunk;
        const messages = text.split('\n\n');
        text = messages.pop()!;
        for (const message of messages) {
          const data = /^data: ?(.*)$/m.exec(message)?.[1];
          if (data) seen.push(JSON.parse(data));
        }
        for (const wake of waiting) wake();
      }
    };
    read().catch(() => {});
    return {
      next<T>(accept: (event: T) => boolean, withinMs = 60_000) {
        return new Promise<T>((resolve, reject) => {
          const look = () => {
            const found = (seen as T[]).find(accept);
            if (!found) return;
            finish();
            resolve(found);
          };
          const timer = setTimeout(() => {
            finish();
            reject(new Error(`no such event within ${withinMs} ms; seen: ${JSON.stringify(seen)}`));
          }, withinMs);
          const finish = () => {
            clearTimeout(timer);
            waiting.delete(look);
          };
          waiting.add(look);
          look();
        });
      },
      close: () => abort.abort(),
    };
  }
}

/** An id that no image has. */
export const unknownId = (): string => randomUUID();
