/**
 * CloudFront: one distribution, without a cache. It obeys the behaviors in order, their policies and functions, and
 * origin groups; it finds a named origin as Route 53 would answer a resolver where the viewer is.
 */

import { randomBytes } from 'node:crypto';
import { Agent, createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Endpoint } from '../../contract/endpoint.ts';
import type { BehaviorConfig, EdgeConfig, OriginConfig, OriginGroupConfig } from '../edge/config.ts';
import { chooserPage, errorPage } from '../edge/pages.ts';
import { forwardedHeaders, forwardedQuery } from '../edge/policies.ts';
import { chooserPath, takeViewer, viewerCookie, viewerOf } from '../edge/viewer.ts';
import { type ViewerFunction, type ViewerRequest, viewerFunction } from '../edge/viewer-function.ts';
import { listen, shut } from '../loopback.ts';
import { nameSystem } from '../name-system.ts';
import type { Part, PartContext, RunningPart } from '../part.ts';
import {
  ask,
  endToEnd,
  type HeaderMap,
  type Hop,
  hasBody,
  plainResponse,
  relay,
  tunnel,
  UpstreamError,
} from '../proxy.ts';
import type { Viewer } from '../routing.ts';
import { matches } from '../wildcard.ts';

/** Methods that an origin group may ask a second origin with, and that may be sent twice. */
const repeatable = ['GET', 'HEAD', 'OPTIONS'];

/** Connections to an origin that is not asked are kept this long; below the load balancer's own patience. */
const keepAliveMs = 30_000;

interface Upgrade {
  readonly socket: Duplex;
  readonly head: Buffer;
}

/** One request on its way through the edge. */
interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly upgrade?: Upgrade;
  readonly viewer: Viewer;
  readonly behavior: BehaviorConfig;
  /** What the viewer asked for, as the function on viewer requests left it. */
  readonly asked: ViewerRequest;
  readonly gone: AbortSignal;
}

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
  readonly #agent = new Agent({ keepAlive: true, maxFreeSockets: 256, timeout: keepAliveMs });
  readonly #upgraded = new Set<Duplex>();
  readonly #servers: Server[] = [];
  #functions: ReadonlyMap<string, ViewerFunction>;

  constructor(config: EdgeConfig, context: PartContext) {
    this.#config = config;
    this.#context = context;
    this.#functions = compile(config);
  }

  async open(): Promise<void> {
    const https = createServer({ requestTimeout: 0 });
    https.on('request', (request, response) => void this.#serve(request, response));
    https.on('upgrade', (request, socket, head) => {
      this.#upgraded.add(socket);
      socket.once('close', () => this.#upgraded.delete(socket));
      socket.on('error', () => socket.destroy());
      void this.#serve(request, plainResponse(request, socket), { socket, head });
    });
    const http = createServer((request, response) => this.#redirect(request, response));
    this.#servers.push(https, http);
    await listen(https, this.#config.httpsPort);
    await listen(http, this.#config.httpPort);
  }

  update(config: EdgeConfig): void {
    this.#functions = compile(config);
    this.#config = config;
  }

  async close(): Promise<void> {
    await Promise.all(this.#servers.map((server) => shut(server, this.#upgraded)));
    this.#agent.destroy();
  }

  /** The port that plays HTTP; on this machine the other one has no certificate either. */
  #redirect(request: IncomingMessage, response: ServerResponse): void {
    const host = (request.headers.host ?? 'localhost').replace(/:\d+$/, '');
    const location = `http://${host}:${this.#config.httpsPort}${request.url}`;
    request.resume();
    response.writeHead(301, { location, 'content-length': 0 }).end();
  }

  async #serve(request: IncomingMessage, response: ServerResponse, upgrade?: Upgrade): Promise<void> {
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
    let asked: ViewerRequest = { method, path, query, headers: { ...headers, host: this.#hostOf(request) } };
    const run = behavior.viewerFunction && this.#functions.get(behavior.viewerFunction);
    if (run) {
      try {
        const verdict = await run(asked, addressOf(request));
        if (verdict.kind === 'answer') {
          return end(
            request,
            response,
            verdict.status,
            verdict.body,
            this.#decorate(verdict.headers, behavior),
          );
        }
        asked = verdict.request;
      } catch (error) {
        this.#context.log(`viewer function: ${(error as Error).message}`);
        return this.#fail(request, response, 503, 'The function on viewer requests failed.');
      }
    }
    await this.#answer({ request, response, upgrade, viewer, behavior, asked, gone: gone.signal });
  }

  async #answer(exchange: Exchange): Promise<void> {
    const { request, response, behavior, upgrade } = exchange;
    const group: OriginGroupConfig = this.#config.groups[behavior.target] ?? {
      members: [behavior.target],
      statusCodes: [],
    };
    const members = repeatable.includes(exchange.asked.method) ? group.members : group.members.slice(0, 1);
    for (const [i, id] of members.entries()) {
      const isLast = i === members.length - 1;
      const origin = this.#config.origins[id]!;
      try {
        if (upgrade) return await this.#join(exchange, upgrade, origin);
        const answer = await this.#ask(exchange, origin);
        if (!isLast && group.statusCodes.includes(answer.statusCode!)) {
          answer.resume();
          continue;
        }
        return await relay(answer, response, this.#decorate(endToEnd(answer), behavior));
      } catch (error) {
        if (!(error instanceof UpstreamError) || error.reason === 'aborted') return void response.destroy();
        this.#context.log(`${request.method} ${request.url} -> ${origin.domain}: ${error.message}`);
        if (!isLast) continue;
        if (error.reason === 'timeout') {
          this.#fail(request, response, 504, 'The origin did not answer in time.');
        } else {
          this.#fail(request, response, 502, 'CloudFront was not able to connect to the origin.');
        }
      }
    }
  }

  /** As often as the origin's settings say while there is no connection; a repeatable request also after a reset. */
  async #ask(exchange: Exchange, origin: OriginConfig): Promise<IncomingMessage> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await ask(this.#hop(exchange, origin));
      } catch (error) {
        if (!(error instanceof UpstreamError)) throw error;
        const unsent = error.reason === 'refused' || error.reason === 'connect timeout';
        const again = error.reason === 'reset' && repeatable.includes(exchange.asked.method);
        if (attempt >= origin.attempts || !(unsent || again)) throw error;
      }
    }
  }

  #join(exchange: Exchange, { socket, head }: Upgrade, origin: OriginConfig): Promise<void> {
    const { request, response, behavior } = exchange;
    const hop = { ...this.#hop(exchange, origin), agent: false as const };
    return tunnel(hop, request.headers.upgrade ?? 'websocket', socket, head, (answer) => {
      void relay(answer, response, this.#decorate(endToEnd(answer), behavior));
    });
  }

  #hop(exchange: Exchange, origin: OriginConfig): Hop {
    const { request, behavior, asked, viewer, gone } = exchange;
    const { domain, path, headers, connectTimeoutMs, readTimeoutMs } = origin;
    const own = {
      'cloudfront-forwarded-proto': 'https',
      'cloudfront-viewer-country': viewer.country ?? '',
      'cloudfront-viewer-address': `${addressOf(request)}:${request.socket.remotePort ?? 0}`,
    };
    const chain = [asked.headers['x-forwarded-for'] ?? []].flat();
    const websocket = Object.entries(asked.headers).filter(([name]) => name.startsWith('sec-websocket-'));
    return {
      endpoint: this.#dial(domain, viewer),
      method: asked.method,
      path: `${path}${asked.path}${forwardedQuery(asked.query, behavior.forwarding)}`,
      headers: {
        ...forwardedHeaders(asked.headers, behavior.forwarding, own),
        ...(exchange.upgrade && Object.fromEntries(websocket)),
        'x-forwarded-for': [...chain, addressOf(request)].join(', '),
        'x-forwarded-proto': 'https',
        via: `${request.httpVersion} ${this.#config.distribution.domain} (CloudFront)`,
        'x-amz-cf-id': randomBytes(24).toString('base64url'),
        ...headers,
        host: domain,
      },
      body: hasBody(request) ? request : undefined,
      agent: this.#agent,
      connectTimeoutMs,
      idleTimeoutMs: readTimeoutMs,
      signal: gone,
    };
  }

  /** @throws UpstreamError for a name that nothing on this machine has */
  #dial(domain: string, viewer: Viewer): Endpoint {
    try {
      return this.#context.dial(nameSystem.resolve(domain, viewer)?.target ?? domain);
    } catch {
      throw new UpstreamError('refused', { host: domain, port: 443 });
    }
  }

  /** Response headers of the behavior; cookies without `Secure`, which a browser may refuse on http://localhost. */
  #decorate(headers: HeaderMap, behavior: BehaviorConfig): HeaderMap {
    const decorated: HeaderMap = { ...headers };
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

  /** Host as the viewer's browser has it: the name it asked for, and the port that plays HTTPS. */
  #hostOf(request: IncomingMessage): string {
    return request.headers.host ?? `localhost:${this.#config.httpsPort}`;
  }

  #fail(request: IncomingMessage, response: ServerResponse, status: number, sentence: string): void {
    end(request, response, status, errorPage(status, sentence), {
      'content-type': 'text/html; charset=utf-8',
    });
  }
}

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
