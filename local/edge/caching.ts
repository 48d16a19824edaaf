/**
 * One viewer's request against what the edge keeps and what the origins say. After "How CloudFront delivers content",
 * "Request collapsing" and "Serve stale (expired) content" (Amazon CloudFront developer guide).
 */

import type { IncomingMessage, ServerResponse } from 'node:http';
import { Transform, Writable } from 'node:stream';
import { endToEnd, type HeaderMap, pump, relay, UpstreamError } from '../proxy.ts';
import { EdgeCache, limits, type Stored } from './cache.ts';
import { compressedHeaders, compressionFor, compressor, encodingsFor } from './compression.ts';
import type { BehaviorConfig } from './config.ts';
import { lifetimeOf, usableOnError, usableWhileAsked, worthKeeping } from './lifetime.ts';
import type { Origins, Outgoing } from './origins.ts';
import { forwardedQuery, parseCookies, selects } from './policies.ts';
import { answerFrom } from './stored-answer.ts';
import { placeOf } from './viewer.ts';

export interface Exchange {
  readonly outgoing: Outgoing;
  readonly response: ServerResponse;
  /** Adds what the behavior says to an answer's headers. */
  decorate(headers: HeaderMap): HeaderMap;
}

/** What `x-cache` says. */
type Result = 'Hit' | 'Miss' | 'RefreshHit' | 'Error';

const said = (result: Result) => ({ 'x-cache': `${result} from cloudfront` });

/** Headers by which a viewer asks for less than the whole answer: an origin that fills the cache must not see them. */
const conditions = ['if-match', 'if-none-match', 'if-modified-since', 'if-unmodified-since', 'if-range'];

export class CachingProxy {
  readonly #origins: Origins;
  readonly #cache = new EdgeCache();
  /** Keys that are being filled, each until the answer is kept or known not to be. */
  readonly #filling = new Map<string, Promise<void>>();
  readonly #refreshing = new Set<string>();
  readonly #errorTtlMs: (status: number) => number;

  constructor(origins: Origins, errorTtlMs: (status: number) => number) {
    this.#origins = origins;
    this.#errorTtlMs = errorTtlMs;
  }

  /** @throws UpstreamError when no origin answers and nothing kept may stand in */
  async answer(exchange: Exchange): Promise<void> {
    const { outgoing } = exchange;
    const key = keyOf(outgoing);
    if (key === undefined) return this.#pass(exchange);
    const found = this.#cache.get(key);
    if (found && this.#servesAtOnce(key, found, outgoing)) return this.#send(exchange, found, 'Hit');
    const { method, headers } = outgoing.asked;
    // Neither an answer without a body nor a part of one is kept.
    if (method === 'HEAD' || headers['range'] !== undefined) return this.#pass(exchange);
    const filling = collapses(outgoing.behavior) ? this.#filling.get(key) : undefined;
    if (filling) {
      await filling;
      const filled = this.#cache.get(key);
      if (filled && !filled.policy.stale()) return this.#send(exchange, filled, 'Hit');
    }
    const done = Promise.withResolvers<void>();
    const leads = !this.#filling.has(key);
    if (leads) this.#filling.set(key, done.promise);
    const release = () => {
      if (leads && this.#filling.get(key) === done.promise) this.#filling.delete(key);
      done.resolve();
    };
    try {
      await this.#fill(exchange, key, this.#cache.get(key), release);
    } finally {
      release();
    }
  }

  /** Fresh, or good enough while it is asked for anew behind the viewer's back. */
  #servesAtOnce(key: string, stored: Stored, outgoing: Outgoing): boolean {
    if (!stored.policy.stale()) return true;
    if (!usableWhileAsked(stored.policy)) return false;
    if (!this.#refreshing.has(key)) {
      this.#refreshing.add(key);
      void this.#refresh(key, stored, outgoing)
        .catch(() => undefined)
        .finally(() => this.#refreshing.delete(key));
    }
    return true;
  }

  async #pass(exchange: Exchange): Promise<void> {
    const { outgoing, response } = exchange;
    const { behavior, asked } = outgoing;
    const caches = behavior.cache.maxMs > 0;
    const answer = await this.#origins.ask(
      caches ? { ...outgoing, own: encodingHeader(outgoing) } : outgoing,
    );
    const compresses = caches && asked.method === 'GET' && asked.headers['range'] === undefined;
    const { headers, through } = compresses ? compressed(answer, outgoing) : plain(answer);
    const result = answer.statusCode! < 400 ? 'Miss' : 'Error';
    await relay(answer, response, exchange.decorate({ ...headers, ...said(result) }), through);
  }

  /**
   * @param stored kept, but too old to be served without asking
   * @param release called as soon as it is known that the answer will not be kept
   */
  async #fill(
    exchange: Exchange,
    key: string,
    stored: Stored | undefined,
    release: () => void,
  ): Promise<void> {
    const { outgoing, response } = exchange;
    let answer: IncomingMessage;
    try {
      answer = await this.#origins.ask(filling(outgoing, stored));
    } catch (error) {
      const away = error instanceof UpstreamError && error.reason !== 'aborted';
      if (away && stored && usableOnError(stored.policy)) return this.#send(exchange, stored, 'Hit');
      throw error;
    }
    if (answer.statusCode! >= 500 && stored && usableOnError(stored.policy)) {
      answer.resume();
      return this.#send(exchange, stored, 'Hit');
    }
    if (answer.statusCode === 304 && stored) {
      return this.#send(exchange, this.#renew(key, stored, answer, outgoing), 'RefreshHit');
    }
    const keeper = this.#keeper(key, answer, outgoing);
    if (!keeper) {
      this.#cache.delete(key);
      release();
    }
    const { headers, through } = compressed(answer, outgoing);
    const result = answer.statusCode! < 400 ? 'Miss' : 'Error';
    const tap = keeper ? [...through, keeper.tap] : through;
    const whole = await relay(answer, response, exchange.decorate({ ...headers, ...said(result) }), tap);
    if (whole) keeper?.keep(headers);
  }

  /** Fills the cache for nobody in particular. */
  async #refresh(key: string, stored: Stored, outgoing: Outgoing): Promise<void> {
    const { signal: _, ...unattended } = outgoing;
    const answer = await this.#origins.ask(filling(unattended, stored));
    if (answer.statusCode === 304) return void this.#renew(key, stored, answer, outgoing);
    const keeper = answer.statusCode! < 500 ? this.#keeper(key, answer, outgoing) : undefined;
    if (!keeper) return void answer.resume();
    const { headers, through } = compressed(answer, outgoing);
    const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
    if (await pump(answer, [...through, keeper.tap], nowhere)) keeper.keep(headers);
  }

  /** Collects an answer that may be kept; undefined for one that may not. */
  #keeper(key: string, answer: IncomingMessage, outgoing: Outgoing) {
    const original = endToEnd(answer);
    const status = answer.statusCode!;
    const policy = this.#lifetime(outgoing, status, original);
    const validators = validatorsOf(original);
    if (!policy || !worthKeeping(policy, validators)) return undefined;
    const chunks: Buffer[] = [];
    let bytes = 0;
    const tap = new Transform({
      transform(chunk: Buffer, _encoding, done) {
        bytes += chunk.length;
        if (bytes <= limits.one) chunks.push(chunk);
        else chunks.length = 0;
        done(null, chunk);
      },
    });
    const keep = (headers: HeaderMap) => {
      if (bytes > limits.one) return this.#cache.delete(key);
      const body = Buffer.concat(chunks);
      const whole = { ...headers, 'content-length': String(body.length) };
      this.#cache.set(key, { status, headers: whole, body, policy, validators });
    };
    return { tap, keep };
  }

  /** The kept answer with the headers of a 304 (RFC 9111, section 4.3.4). */
  #renew(key: string, stored: Stored, answer: IncomingMessage, outgoing: Outgoing): Stored {
    answer.resume();
    const { etag: _, 'content-length': __, ...fresh } = endToEnd(answer);
    const { age: ___, ...kept } = stored.headers;
    const headers = { ...kept, ...fresh };
    const policy = this.#lifetime(outgoing, stored.status, headers);
    const renewed = policy ? { ...stored, headers, policy } : stored;
    if (policy) this.#cache.set(key, renewed);
    else this.#cache.delete(key);
    return renewed;
  }

  #lifetime({ asked, behavior }: Outgoing, status: number, headers: HeaderMap) {
    const { authorization } = asked.headers;
    const forwarded = authorization !== undefined && selects(behavior.forwarding.headers, 'authorization');
    return lifetimeOf(
      { url: asked.path, headers: forwarded ? { authorization } : {} },
      { status, headers },
      behavior.cache,
      this.#errorTtlMs,
    );
  }

  #send({ outgoing, response, decorate }: Exchange, stored: Stored, result: Result): void {
    const { status, headers, body } = answerFrom(stored, outgoing.asked);
    const age = String(Math.floor(stored.policy.age()));
    const failed = status >= 400 ? 'Error' : result;
    response.writeHead(status, decorate({ ...headers, age, ...said(failed) }));
    response.end(outgoing.asked.method === 'HEAD' ? undefined : body);
  }
}

/** Misses of the same key wait for the first of them, where no cookie can make their answers differ. */
const collapses = ({ forwarding }: BehaviorConfig): boolean =>
  forwarding.cookies.every(({ kind }) => kind === 'none');

/**
 * What tells one kept answer from another; undefined for a request whose answer is never kept. Each place has an edge
 * location of its own, which shares nothing with the others.
 */
function keyOf({ asked, behavior, viewer, body }: Outgoing): string | undefined {
  const { key, maxMs } = behavior.cache;
  if (maxMs <= 0 || body || !['GET', 'HEAD'].includes(asked.method)) return undefined;
  return JSON.stringify([
    placeOf(viewer),
    behavior.target,
    asked.path,
    forwardedQuery(asked.query, key),
    Object.entries(asked.headers).filter(([name]) => name !== 'cookie' && selects(key.headers, name)),
    parseCookies(asked.headers['cookie']).filter(([name]) => selects(key.cookies, name)),
    encodings({ asked, behavior }),
  ]);
}

const encodings = ({ asked, behavior }: Pick<Outgoing, 'asked' | 'behavior'>) =>
  encodingsFor(asked.headers['accept-encoding'], behavior.cache.encodings);

/** The viewer's encodings as far as the policy tells them apart. */
function encodingHeader(outgoing: Outgoing): HeaderMap {
  const accepted = encodings(outgoing);
  return { ...outgoing.own, ...(accepted.length > 0 && { 'accept-encoding': accepted.join(',') }) };
}

/** Asks for the whole answer, or whether the kept one has changed. */
function filling(outgoing: Outgoing, stored: Stored | undefined): Outgoing {
  const headers = Object.fromEntries(
    Object.entries(outgoing.asked.headers).filter(([name]) => !conditions.includes(name)),
  );
  const { etag, 'last-modified': modified } = stored?.validators ?? {};
  const own = {
    ...encodingHeader(outgoing),
    ...(etag && { 'if-none-match': etag }),
    ...(modified && { 'if-modified-since': modified }),
  };
  return { ...outgoing, asked: { ...outgoing.asked, headers }, own };
}

function validatorsOf({ etag, 'last-modified': modified }: HeaderMap): HeaderMap {
  return { ...(etag && { etag }), ...(modified && { 'last-modified': modified }) };
}

const plain = (answer: IncomingMessage) => ({ headers: endToEnd(answer), through: [] as Transform[] });

function compressed(answer: IncomingMessage, outgoing: Outgoing) {
  const headers = endToEnd(answer);
  const wanted = outgoing.behavior.compress ? encodings(outgoing) : [];
  const encoding = compressionFor(answer.statusCode!, headers, wanted);
  if (!encoding) return { headers, through: [] as Transform[] };
  return { headers: compressedHeaders(headers, encoding), through: [compressor(encoding) as Transform] };
}
