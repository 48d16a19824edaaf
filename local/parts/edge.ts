/**
 * CloudFront: one distribution. It obeys the behaviors in order, their functions and policies; what it keeps stands in
 * `local/edge/caching.ts`, how it finds and asks origins in `local/edge/origins.ts`.
 */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { CachingProxy } from '../edge/caching.ts';
import type { BehaviorConfig, EdgeConfig } from '../edge/config.ts';
import { Origins, type Outgoing, requestId, type Upgrade } from '../edge/origins.ts';
import { chooserPage, errorPage } from '../edge/pages.ts';
import { refusalOf } from '../edge/refusal.ts';
import { chooserPath, takeViewer, viewerCookie, viewerOf } from '../edge/viewer.ts';
import { type ViewerFunction, type ViewerRequest, viewerFunction } from '../edge/viewer-function.ts';
import { listen, shut } from '../loopback.ts';
import { nameSystem } from '../name-system.ts';
import type { Part, PartContext, RunningPart } from '../part.ts';
import { endToEnd, type HeaderMap, hasBody, plainResponse, relay, UpstreamError } from '../proxy.ts';
import type { Viewer } from '../routing.ts';
import { matches } from '../wildcard.ts';

/** Bytes that a request's head may have ("Quotas", CloudFront developer guide). */
const maxHeaderSize = 20_480;

export const edge: Part<EdgeConfig> = async (config, context) => {
  const running = new Edge(config, context);
  try {
    await running.open();
  } catch (error) {
    await running.close();
    throw error;
  }
  return running;
};

class Edge implements RunningPart<EdgeConfig> {
  #config: EdgeConfig;
  readonly #context: PartContext;
  readonly #origins: Origins;
  readonly #caching: CachingProxy;
  readonly #upgraded = new Set<Duplex>();
  readonly #servers: Server[] = [];
  #functions: ReadonlyMap<string, ViewerFunction>;

  constructor(config: EdgeConfig, context: PartContext) {
    this.#config = config;
    this.#context = context;
    this.#functions = compile(config);
    this.#origins = new Origins(config, {
      dial: (name) => context.dial(name),
      log: (line) => context.log(line),
      moved: (detail) => context.emit('name moved', detail),
    });
    this.#caching = new CachingProxy(this.#origins, (status) => {
      const { errorTtlMs, otherErrorTtlMs } = this.#config;
      return errorTtlMs[status] ?? otherErrorTtlMs;
    });
  }

  async open(): Promise<void> {
    const https = createServer({ requestTimeout: 0, maxHeaderSize });
    https.on('request', (request, response) => void this.#serve(request, response));
    https.on('upgrade', (request, socket, head) => {
      this.#upgraded.add(socket);
      socket.once('close', () => this.#upgraded.delete(socket));
      socket.on('error', () => socket.destroy());
      void this.#serve(request, plainResponse(request, socket), { socket, head });
    });
    const http = createServer({ maxHeaderSize }, (request, response) => this.#redirect(request, response));
    this.#servers.push(https, http);
    await listen(https, this.#config.httpsPort);
    await listen(http, this.#config.httpPort);
  }

  update(config: EdgeConfig): void {
    this.#functions = compile(config);
    this.#config = config;
    this.#origins.update(config);
  }

  async close(): Promise<void> {
    await Promise.all(this.#servers.map((server) => shut(server, this.#upgraded)));
    this.#origins.close();
  }

  /** The port that plays HTTP; on this machine the other one has no certificate either. */
  #redirect(request: IncomingMessage, response: ServerResponse): void {
    const refusal = refusalOf(request, this.#config);
    if (refusal) {
      this.#fail(request, response, refusal.status, refusal.sentence);
      return;
    }
    const host = request.headers.host!.replace(/:\d+$/, '');
    const location = `http://${host}:${this.#config.httpsPort}${request.url}`;
    request.resume();
    response.writeHead(301, { location, 'content-length': 0 }).end();
  }

  async #serve(request: IncomingMessage, response: ServerResponse, upgrade?: Upgrade): Promise<void> {
    const refusal = refusalOf(request, this.#config);
    if (refusal) return this.#fail(request, response, refusal.status, refusal.sentence);
    const gone = new AbortController();
    if (upgrade) upgrade.socket.once('close', () => gone.abort());
    else response.once('close', () => gone.abort());
    const url = request.url ?? '/';
    const at = url.indexOf('?');
    const path = at < 0 ? url : url.slice(0, at);
    const query = at < 0 ? '' : url.slice(at + 1);
    const { viewer, headers } = takeViewer(endToEnd(request));
    if (path === chooserPath) return this.#choose(request, response, query, viewer);
    const method = request.method ?? 'GET';
    const behavior = this.#config.behaviors.find(({ pattern }) => covers(pattern, path))!;
    if (!behavior.methods.includes(method)) {
      return this.#fail(request, response, 403, `The distribution does not allow ${method} for this path.`);
    }
    let asked: ViewerRequest = { method, path, query, headers };
    const run = behavior.viewerFunction && this.#functions.get(behavior.viewerFunction);
    if (run) {
      try {
        const verdict = await run(asked, addressOf(request));
        if (verdict.kind === 'answer') {
          const decorated = this.#decorate(verdict.headers, behavior);
          return end(request, response, verdict.status, verdict.body, decorated);
        }
        asked = verdict.request;
      } catch (error) {
        this.#context.log(`viewer function: ${(error as Error).message}`);
        return this.#fail(request, response, 503, 'The function on viewer requests failed.');
      }
    }
    const { httpVersion, socket } = request;
    const client = { address: addressOf(request), port: socket.remotePort ?? 0, httpVersion };
    const body = hasBody(request) ? { body: request } : {};
    const outgoing = { asked, behavior, viewer, client, signal: gone.signal, ...body };
    await this.#answer(request, response, outgoing, upgrade);
  }

  async #answer(
    request: IncomingMessage,
    response: ServerResponse,
    outgoing: Outgoing,
    upgrade: Upgrade | undefined,
  ): Promise<void> {
    const decorate = (headers: HeaderMap) => this.#decorate(headers, outgoing.behavior);
    try {
      if (upgrade) {
        const declined = (answer: IncomingMessage) =>
          void relay(answer, response, decorate(endToEnd(answer)));
        const protocol = request.headers.upgrade ?? 'websocket';
        await this.#origins.join(
          { ...outgoing, own: webSocketHeaders(outgoing) },
          protocol,
          upgrade,
          declined,
        );
      } else await this.#caching.answer({ outgoing, response, decorate });
    } catch (error) {
      if (!(error instanceof UpstreamError) || error.reason === 'aborted') return void response.destroy();
      this.#context.log(`${request.method} ${request.url}: ${error.message}`);
      if (error.reason === 'timeout') {
        this.#fail(request, response, 504, 'The origin did not answer in time.');
      } else {
        this.#fail(request, response, 502, 'CloudFront was not able to connect to the origin.');
      }
    }
  }

  /** Response headers of the behavior; cookies without `Secure`, which a browser may refuse on http://localhost. */
  #decorate(headers: HeaderMap, behavior: BehaviorConfig): HeaderMap {
    const decorated: HeaderMap = {
      ...headers,
      via: `1.1 ${this.#config.distribution.domain} (CloudFront)`,
      'x-amz-cf-id': requestId(),
    };
    for (const { name, value, override } of behavior.responseHeaders) {
      if (override || decorated[name] === undefined) decorated[name] = value;
    }
    const cookies = [headers['set-cookie'] ?? []].flat();
    if (cookies.length > 0) {
      decorated['set-cookie'] = cookies.map((cookie) => cookie.replace(/;\s*secure(?=;|$)/gi, ''));
    }
    return decorated;
  }

  #choose(request: IncomingMessage, response: ServerResponse, query: string, current: Viewer): void {
    const parameters = new URLSearchParams(query);
    const state = parameters.get('state');
    const country = parameters.get('country');
    if (country === null) {
      const html = chooserPage(current, (viewer) => this.#regionFor(viewer));
      const headers = { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' };
      end(request, response, 200, html, headers);
      return;
    }
    const viewer = viewerOf(state ? `${country}-${state}` : country);
    if (!viewer) {
      const sentence = `Got country '${country}'${state ? ` and state '${state}'` : ''}, expected an ISO 3166 code as DE, and a state only with US.`;
      this.#fail(request, response, 400, sentence);
      return;
    }
    end(request, response, 303, '', { location: '/', 'set-cookie': viewerCookie(viewer) });
  }

  /** Region that answers a viewer's page now, by the load balancer's name. */
  #regionFor(viewer: Viewer): string {
    const { behaviors, origins } = this.#config;
    const domain = origins[behaviors.at(-1)!.target]?.domain ?? '';
    const target = nameSystem.resolve(domain, viewer)?.target ?? domain;
    return /\.([a-z]{2}(?:-[a-z]+)+-\d)\.elb\.amazonaws\.com$/.exec(target)?.[1] ?? 'nothing yet';
  }

  #fail(request: IncomingMessage, response: ServerResponse, status: number, sentence: string): void {
    end(request, response, status, errorPage(status, sentence), {
      'content-type': 'text/html; charset=utf-8',
      'x-cache': 'Error from cloudfront',
    });
  }
}

/** Of a request that asks for an upgrade: they pass whatever the policies say. */
const webSocketHeaders = ({ asked }: Outgoing): HeaderMap =>
  Object.fromEntries(Object.entries(asked.headers).filter(([name]) => name.startsWith('sec-websocket-')));

function compile({ behaviors, distribution }: EdgeConfig): ReadonlyMap<string, ViewerFunction> {
  const codes = new Set(behaviors.flatMap((behavior) => behavior.viewerFunction ?? []));
  return new Map([...codes].map((code) => [code, viewerFunction(code, distribution)]));
}

/** Whether a behavior's pattern covers a path; the leading slash of a pattern may be left out. */
const covers = (pattern: string, path: string): boolean =>
  pattern === '*' || matches(pattern.startsWith('/') ? pattern : `/${pattern}`, path);

const addressOf = (request: IncomingMessage): string =>
  (request.socket.remoteAddress ?? '').replace(/^::ffff:/, '');

function end(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  body: string | Buffer,
  headers: HeaderMap,
): void {
  if (response.headersSent) return void response.destroy();
  request.resume();
  response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) });
  response.end(request.method === 'HEAD' ? undefined : body);
}
