/** A VU's HTTP: HTTP/1.1 over connections of its own, measured as k6 measures ("Built-in metrics"). */

import type { Socket } from 'node:net';
import { Agent, buildConnector, type Dispatcher } from 'undici';
import { CookieJar, parseSetCookie } from './cookies.ts';
import type { Cookie, HttpAnswer, HttpRequest, Timings } from './messages.ts';
import type { Sample, Tags } from './metrics.ts';
import type { Options } from './options.ts';
import { NameNotFound, type NameResolver } from './resolver.ts';

/** Time in which a connection stands or has failed. */
const connectTimeoutMs = 30_000;

interface Exchange {
  status: number;
  statusText: string;
  headers: Readonly<Record<string, readonly string[]>>;
  body: Buffer;
  error?: Error;
  timings: Timings;
  remote?: { readonly address: string; readonly port: number };
  sent: number;
  received: number;
}

/** What a connection's set-up took, found by the request that waited for it. */
interface SetUp {
  readonly connecting: number;
  readonly tls: number;
  readonly remote: { readonly address: string; readonly port: number };
}

class TimedOut extends Error {}
class Stopped extends Error {}

export class HttpClient {
  readonly #options: Options;
  readonly #resolver: NameResolver;
  readonly #record: (sample: Sample) => void;
  readonly #jar = new CookieJar();
  readonly #stops = new Set<(reason: Error) => void>();
  #lastSetUp: SetUp | undefined;
  #agent: Agent;

  constructor(options: Options, resolver: NameResolver, record: (sample: Sample) => void) {
    this.#options = options;
    this.#resolver = resolver;
    this.#record = record;
    this.#agent = this.#makeAgent();
  }

  /** Between two iterations of the VU. */
  async nextIteration(): Promise<void> {
    if (!this.#options.noCookiesReset) this.#jar.clear();
    if (this.#options.noVUConnectionReuse) await this.#renew();
  }

  /** Ends what is in flight. */
  interrupt(): void {
    for (const stop of this.#stops) stop(new Stopped('interrupted'));
  }

  async close(): Promise<void> {
    this.interrupt();
    await this.#agent.destroy();
  }

  /** One request and the redirects it meets; each is measured by itself. */
  async send(request: HttpRequest): Promise<HttpAnswer> {
    let { method, body } = request;
    let address = request.url;
    for (let redirects = request.redirects ?? this.#options.maxRedirects; ; redirects--) {
      const url = parseUrl(address);
      if (!url) return noAnswer({ ...request, method, url: address }, 1020, `invalid URL '${address}'`);
      const headers = this.#headers(request, url, body);
      const exchange = await this.#exchange(url, method, headers, body, request.timeoutMs);
      const set = (exchange.headers['set-cookie'] ?? [])
        .map((each) => parseSetCookie(each, url))
        .filter((each) => each !== undefined);
      this.#jar.keep(set);
      const answer = this.#answer({ ...request, method, url: address }, headers, exchange, set);
      this.#measure(request, answer, exchange);
      const location = exchange.headers['location']?.[0];
      if (location === undefined || redirects <= 0 || ![301, 302, 303, 307, 308].includes(answer.status)) {
        return answer;
      }
      address = new URL(location, url).href;
      if (answer.status <= 303 && method !== 'HEAD') {
        method = 'GET';
        body = undefined;
      }
    }
  }

  #headers(request: HttpRequest, url: URL, body: HttpRequest['body']): Record<string, string> {
    const headers: Record<string, string> = {
      'user-agent': this.#options.userAgent,
      ...Object.fromEntries(
        Object.entries(request.headers).map(([name, value]) => [name.toLowerCase(), value]),
      ),
    };
    const replaced = new Set(request.cookies.filter(({ replace }) => replace).map(({ name }) => name));
    const kept = Object.entries(this.#jar.for(url)).filter(([name]) => !replaced.has(name));
    const given = request.cookies.map(({ name, value }): [string, string] => [name, value]);
    const text = [
      headers['cookie'],
      ...[...kept, ...given].map(([name, value]) => `${name}=${value}`),
    ].filter(Boolean);
    if (text.length > 0) headers['cookie'] = text.join('; ');
    if (body === undefined) delete headers['content-type'];
    return headers;
  }

  #exchange(
    url: URL,
    method: string,
    headers: Record<string, string>,
    body: HttpRequest['body'],
    timeoutMs: number,
  ): Promise<Exchange> {
    const asked = performance.now();
    const payload = typeof body === 'string' ? Buffer.from(body) : body && Buffer.from(body);
    const chunks: Buffer[] = [];
    let started: number | undefined;
    let answered: number | undefined;
    let status = 0;
    let statusText = '';
    let received: Exchange['headers'] = {};
    let controller: Dispatcher.DispatchController | undefined;
    let setUp: SetUp | undefined;

    return new Promise((resolve) => {
      const stop = (reason: Error): void => {
        finish(reason);
        if (controller) controller.abort(reason);
        // Still waiting for a connection: nothing else can take it out of the queue.
        else void this.#renew();
      };
      const timer = setTimeout(() => stop(new TimedOut('request timeout')), timeoutMs);
      this.#stops.add(stop);
      let done = false;
      const finish = (error?: Error): void => {
        if (done) return;
        done = true;
        clearTimeout(timer);
        this.#stops.delete(stop);
        const end = performance.now();
        const begun = started ?? end;
        const first = answered ?? end;
        const bytes = Buffer.concat(chunks);
        resolve({
          status: error ? 0 : status,
          statusText,
          headers: error ? {} : received,
          body: error ? Buffer.alloc(0) : bytes,
          ...(error && { error }),
          timings: {
            blocked: begun - asked,
            connecting: setUp?.connecting ?? 0,
            tls_handshaking: setUp?.tls ?? 0,
            sending: 0,
            waiting: first - begun,
            receiving: end - first,
            duration: end - begun,
          },
          ...(setUp && { remote: setUp.remote }),
          sent: payload?.byteLength ?? 0,
          received: bytes.byteLength,
        });
      };

      this.#agent.dispatch(
        {
          origin: url.origin,
          path: `${url.pathname}${url.search}`,
          method: method as Dispatcher.HttpMethod,
          headers,
          body: payload ?? null,
          headersTimeout: 0,
          bodyTimeout: 0,
          reset: this.#options.noConnectionReuse,
        },
        {
          onRequestStart: (control) => {
            controller = control;
            started = performance.now();
            setUp = this.#lastSetUp;
            this.#lastSetUp = undefined;
            if (done) control.abort(new Stopped('over'));
          },
          onResponseStart: (_control, code, raw, message) => {
            answered = performance.now();
            status = code;
            statusText = `${code} ${message ?? ''}`.trim();
            received = listed(raw);
          },
          onResponseData: (_control, chunk) => void chunks.push(chunk),
          onResponseEnd: () => finish(),
          onResponseError: (_control, error) => finish(error),
        },
      );
    });
  }

  #makeAgent(): Agent {
    const connect = buildConnector({ timeout: connectTimeoutMs });
    return new Agent({
      pipelining: 1,
      connect: (options, callback) => {
        const tls = options.protocol === 'https:';
        const port = Number(options.port) || (tls ? 443 : 80);
        this.#resolver.resolve(options.hostname, port).then(
          (target) => {
            const dialled = performance.now();
            connect(
              {
                ...options,
                hostname: target.host,
                host: target.host,
                port: String(target.port),
                ...(tls && { servername: options.servername ?? options.hostname }),
              },
              (...result) => {
                const [error, socket] = result;
                if (!error) this.#connected(socket as Socket, dialled, tls);
                callback(...result);
              },
            );
          },
          (error: Error) => callback(error, null),
        );
      },
    });
  }

  #connected(socket: Socket, dialled: number, tls: boolean): void {
    const took = performance.now() - dialled;
    this.#lastSetUp = {
      connecting: tls ? 0 : took,
      tls: tls ? took : 0,
      remote: { address: socket.remoteAddress ?? '', port: socket.remotePort ?? 0 },
    };
  }

  /** New connections from here on. */
  async #renew(): Promise<void> {
    const old = this.#agent;
    this.#agent = this.#makeAgent();
    await old.destroy();
  }

  #answer(
    request: HttpRequest,
    headers: Readonly<Record<string, string>>,
    exchange: Exchange,
    set: readonly Cookie[],
  ): HttpAnswer {
    const { status, error } = exchange;
    const type = request.responseType ?? (this.#options.discardResponseBodies ? 'none' : 'text');
    return {
      url: request.url,
      status,
      status_text: exchange.statusText,
      proto: status > 0 ? 'HTTP/1.1' : '',
      headers: Object.fromEntries(
        Object.entries(exchange.headers).map(([name, values]) => [canonical(name), values.join(', ')]),
      ),
      cookies: Object.fromEntries(set.map((cookie) => [cookie.name, [cookie]])),
      body: error ? null : bodyOf(exchange, type),
      error: error ? error.message : '',
      error_code: error ? errorCode(error) : status >= 400 ? 1000 + status : 0,
      timings: exchange.timings,
      remote_ip: exchange.remote?.address ?? '',
      remote_port: exchange.remote?.port ?? 0,
      request: {
        method: request.method,
        url: request.url,
        headers: Object.fromEntries(
          Object.entries(headers).map(([name, value]) => [canonical(name), [value]]),
        ),
        body: typeof request.body === 'string' ? request.body : '',
      },
    };
  }

  #measure(request: HttpRequest, answer: HttpAnswer, exchange: Exchange): void {
    const { status, timings } = answer;
    const ok = !exchange.error && request.expected.some(([from, to]) => status >= from && status <= to);
    const tags: Tags = {
      method: answer.request.method,
      url: answer.url,
      name: answer.url,
      status: String(status),
      proto: answer.proto,
      expected_response: String(ok),
      ...(answer.error && { error: answer.error }),
      ...(answer.error_code > 0 && { error_code: String(answer.error_code) }),
      ...request.tags,
    };
    const record = (metric: string, value: number): void => this.#record({ metric, value, tags });
    record('http_reqs', 1);
    record('http_req_failed', ok ? 0 : 1);
    for (const [name, value] of Object.entries(timings)) record(`http_req_${name}`, value);
    record('data_sent', exchange.sent);
    record('data_received', exchange.received);
  }
}

function bodyOf({ body }: Exchange, type: 'text' | 'binary' | 'none'): string | ArrayBuffer | null {
  if (type === 'none') return null;
  return type === 'text' ? body.toString('utf8') : new Uint8Array(body).buffer;
}

function parseUrl(text: string): URL | undefined {
  const url = URL.parse(text);
  return url && /^https?:$/.test(url.protocol) ? url : undefined;
}

function listed(raw: Readonly<Record<string, string | string[] | undefined>>): Record<string, string[]> {
  return Object.fromEntries(
    Object.entries(raw).map(([name, value]) => [
      name.toLowerCase(),
      Array.isArray(value) ? value : [value ?? ''],
    ]),
  );
}

/** `x-served-region` → `X-Served-Region`: k6 knows headers by their canonical names only. */
const canonical = (name: string): string =>
  name
    .split('-')
    .map((part) => part.charAt(0).toUpperCase() + part.slice(1).toLowerCase())
    .join('-');

/** k6's numbers ("Error codes"), as far as an error here tells them apart. */
function errorCode(error: Error): number {
  if (error instanceof TimedOut) return 1050;
  if (error instanceof NameNotFound) return 1101;
  const codes: Readonly<Record<string, number>> = {
    ECONNREFUSED: 1212,
    ETIMEDOUT: 1211,
    UND_ERR_CONNECT_TIMEOUT: 1211,
    ECONNRESET: 1220,
    EPIPE: 1201,
    EHOSTUNREACH: 1210,
    ENETUNREACH: 1210,
  };
  return codes[(error as NodeJS.ErrnoException).code ?? ''] ?? 1000;
}

function noAnswer(request: HttpRequest, code: number, error: string): HttpAnswer {
  const none = {
    blocked: 0,
    connecting: 0,
    tls_handshaking: 0,
    sending: 0,
    waiting: 0,
    receiving: 0,
    duration: 0,
  };
  return {
    url: request.url,
    status: 0,
    status_text: '',
    proto: '',
    headers: {},
    cookies: {},
    body: null,
    error,
    error_code: code,
    timings: none,
    remote_ip: '',
    remote_port: 0,
    request: { method: request.method, url: request.url, headers: {}, body: '' },
  };
}
