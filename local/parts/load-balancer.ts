/**
 * An Application Load Balancer: listeners, rules, target groups. A listener that the template declares as HTTPS
 * is plain HTTP here and says so to targets as AWS would (X-Forwarded-Proto).
 */

import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type Action, decide, type Rule, redirectLocation } from '../balancer/rules.ts';
import { type Target, TargetGroup, type TargetGroupConfig } from '../balancer/target-group.ts';
import { listen, shut } from '../loopback.ts';
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

export interface ListenerConfig {
  readonly arn: string;
  /** Port of 127.0.0.1. */
  readonly localPort: number;
  /** As the template declares them, and as targets are told. */
  readonly protocol: 'HTTP' | 'HTTPS';
  readonly port: number;
  readonly fallback: Action;
  readonly rules: readonly Rule[];
}

export interface LoadBalancerConfig {
  /** Port of 127.0.0.1 where whoever watches the balancer's health connects (see `local/name-system.ts`). */
  readonly watchPort: number;
  readonly idleTimeoutMs: number;
  /** Age at which a client's connection is ended after its current request. */
  readonly clientKeepAliveMs: number;
  /** Takes headers away whose names hold anything but letters, digits and hyphens. @default false */
  readonly dropInvalidHeaders?: boolean;
  readonly listeners: readonly ListenerConfig[];
  readonly targetGroups: Readonly<Record<string, TargetGroupConfig>>;
}

/** Bytes that a request's head may have ("Quotas for your Application Load Balancers"). */
const maxHeaderSize = 65_536;

/** A connection to a target that takes longer is given up ("HTTP 504: Gateway timeout", troubleshooting guide). */
const connectTimeoutMs = 10_000;

const reasons: Readonly<Record<number, string>> = {
  502: 'Bad Gateway',
  503: 'Service Temporarily Unavailable',
  504: 'Gateway Time-out',
};

export const loadBalancer: Part<LoadBalancerConfig> = async (config, context) => {
  const balancer = new LoadBalancer(config, context);
  try {
    await balancer.open();
  } catch (error) {
    await balancer.close();
    throw error;
  }
  return balancer;
};

class LoadBalancer implements RunningPart<LoadBalancerConfig> {
  #config: LoadBalancerConfig;
  readonly #context: PartContext;
  readonly #groups = new Map<string, TargetGroup>();
  readonly #listeners = new Map<string, Server>();
  readonly #upgraded = new Set<Duplex>();
  readonly #watchers = new Set<ServerResponse>();
  #watch: Server | undefined;
  #updates: Promise<void> = Promise.resolve();

  constructor(config: LoadBalancerConfig, context: PartContext) {
    this.#config = config;
    this.#context = context;
  }

  async open(): Promise<void> {
    this.#watch = createServer((_request, response) => this.#addWatcher(response));
    await listen(this.#watch, this.#config.watchPort);
    await this.update(this.#config);
  }

  /** One after the other: two updates at once would both open a new listener. */
  update(config: LoadBalancerConfig): Promise<void> {
    const done = this.#updates.then(() => this.#apply(config));
    this.#updates = done.catch(() => undefined);
    return done;
  }

  async #apply(config: LoadBalancerConfig): Promise<void> {
    this.#config = config;
    for (const [arn, group] of Object.entries(config.targetGroups)) {
      const known = this.#groups.get(arn);
      if (known) known.update(group);
      else {
        const changed = (target: Target) => this.#healthChanged(arn, target);
        this.#groups.set(arn, new TargetGroup(arn, group, config.idleTimeoutMs, changed));
      }
    }
    const wanted = new Map(config.listeners.map((listener) => [listener.arn, listener]));
    for (const [arn, server] of this.#listeners) {
      if (wanted.has(arn)) continue;
      this.#listeners.delete(arn);
      await shut(server);
    }
    for (const listener of wanted.values()) {
      if (!this.#listeners.has(listener.arn)) await this.#listen(listener);
    }
    this.#tellWatchers();
  }

  async call(method: string, argument: unknown): Promise<unknown> {
    if (method === 'drained') {
      const { targetGroup, target } = argument as { targetGroup: string; target: string };
      return this.#groups.get(targetGroup)?.drained(target);
    }
    if (method === 'targets') {
      return Object.fromEntries(
        [...this.#groups].map(([arn, { targets }]) => [
          arn,
          targets.map(({ id, health, inFlight }) => ({ id, health, inFlight: inFlight.size })),
        ]),
      );
    }
    throw new Error(`got method '${method}', expected drained or targets`);
  }

  async close(): Promise<void> {
    for (const group of this.#groups.values()) group.close();
    const servers = [...this.#listeners.values(), ...(this.#watch ? [this.#watch] : [])];
    await Promise.all(servers.map((server) => shut(server, this.#upgraded)));
    this.#listeners.clear();
  }

  async #listen({ arn, localPort }: ListenerConfig): Promise<void> {
    const server = createServer({
      keepAliveTimeout: this.#config.idleTimeoutMs,
      requestTimeout: 0,
      maxHeaderSize,
    });
    const bornAt = new WeakMap<Socket, number>();
    server.on('connection', (socket) => bornAt.set(socket, performance.now()));
    server.on('request', (request, response) => {
      const age = performance.now() - (bornAt.get(request.socket) ?? 0);
      if (age > this.#config.clientKeepAliveMs) response.shouldKeepAlive = false;
      void this.#serve(arn, request, response);
    });
    server.on('upgrade', (request, socket, head) => {
      this.#upgraded.add(socket);
      socket.once('close', () => this.#upgraded.delete(socket));
      socket.on('error', () => socket.destroy());
      void this.#serve(arn, request, plainResponse(request, socket), { socket, head });
    });
    await listen(server, localPort);
    this.#listeners.set(arn, server);
  }

  async #serve(
    arn: string,
    request: IncomingMessage,
    response: ServerResponse,
    upgrade?: { socket: Duplex; head: Buffer },
  ): Promise<void> {
    const listener = this.#config.listeners.find((one) => one.arn === arn);
    if (!listener) return void response.destroy();
    const [path = '/', query = ''] = split(request.url ?? '/');
    const method = request.method ?? 'GET';
    const action = decide(listener.rules, listener.fallback, {
      method,
      path,
      query,
      headers: request.headers,
    });
    if (action.kind === 'fixed-response') {
      const type = action.contentType ?? 'text/plain; charset=utf-8';
      return end(request, response, action.status, action.body ?? '', { 'content-type': type });
    }
    if (action.kind === 'redirect') {
      const host = (request.headers.host ?? '').replace(/:\d+$/, '');
      const { port } = listener;
      const own = { protocol: listener.protocol, host, port: String(port), path, query };
      return end(request, response, action.status, '', { location: redirectLocation(action, own) });
    }
    const target = this.#groups.get(chooseGroup(action))?.pick();
    if (!target) return fail(request, response, 503);
    await this.#forward(listener, target, request, response, upgrade);
  }

  async #forward(
    listener: ListenerConfig,
    target: Target,
    request: IncomingMessage,
    response: ServerResponse,
    upgrade?: { socket: Duplex; head: Buffer },
  ): Promise<void> {
    const gone = new AbortController();
    const finished = target.begin(() => {
      gone.abort();
      (upgrade?.socket ?? response).destroy();
    });
    const end = () => {
      gone.abort();
      finished();
    };
    if (upgrade) upgrade.socket.once('close', end);
    else response.once('close', end);
    const hop: Hop = {
      endpoint: target.endpoint,
      method: request.method ?? 'GET',
      path: request.url ?? '/',
      headers: forwardedHeaders(request, listener, this.#config.dropInvalidHeaders ?? false),
      body: hasBody(request) ? request : undefined,
      agent: upgrade ? false : target.agent,
      connectTimeoutMs,
      idleTimeoutMs: this.#config.idleTimeoutMs,
      signal: gone.signal,
    };
    try {
      if (upgrade) {
        const { socket, head } = upgrade;
        const declined = (answer: IncomingMessage) => relay(answer, response, endToEnd(answer));
        await tunnel(hop, request.headers.upgrade ?? 'websocket', socket, head, declined);
      } else {
        const answer = await ask(hop);
        target.outcomes.add(answer.statusCode! >= 500);
        await relay(answer, response, endToEnd(answer));
      }
    } catch (error) {
      if (!(error instanceof UpstreamError) || error.reason === 'aborted') return void response.destroy();
      target.outcomes.add(true);
      this.#context.log(`${request.method} ${request.url} -> ${target.id}: ${error.message}`);
      fail(request, response, error.reason === 'timeout' || error.reason === 'connect timeout' ? 504 : 502);
    }
  }

  #healthChanged(targetGroup: string, target: Target): void {
    if (target.health === 'healthy' || target.health === 'unhealthy') {
      this.#context.emit(target.health, { targetGroup, target: target.id });
    }
    this.#tellWatchers();
  }

  /**
   * As Route 53 sees it when it evaluates the target's health: every target group has a healthy target; one with
   * no target at all counts as unhealthy ("Health checks for your target groups", route 53 part).
   */
  get #healthy(): boolean {
    return [...this.#groups.values()].every((group) => group.healthy.length > 0);
  }

  /** A watcher gets one line for each change; the end of the stream means that the balancer itself is gone. */
  #addWatcher(response: ServerResponse): void {
    this.#watchers.add(response);
    response.once('close', () => this.#watchers.delete(response));
    response.write(`${this.#healthy}\n`);
  }

  #tellWatchers(): void {
    for (const watcher of this.#watchers) watcher.write(`${this.#healthy}\n`);
  }
}

/** One of the groups, as often as its weight says. */
function chooseGroup({ groups }: Extract<Action, { kind: 'forward' }>): string {
  const total = groups.reduce((sum, { weight }) => sum + weight, 0);
  let left = Math.random() * total;
  for (const { targetGroup, weight } of groups) {
    left -= weight;
    if (left < 0) return targetGroup;
  }
  return groups[0]!.targetGroup;
}

/** What a target gets ("HTTP headers and Application Load Balancers"). */
function forwardedHeaders(
  request: IncomingMessage,
  { protocol, port }: ListenerConfig,
  dropsInvalid: boolean,
): HeaderMap {
  const all = Object.entries(endToEnd(request));
  // A server that reads `_` as `-` would take `x_forwarded_for` for what only the balancer may say.
  const kept = dropsInvalid ? all.filter(([name]) => /^[a-z0-9-]+$/.test(name)) : all;
  const headers: HeaderMap = Object.fromEntries(kept);
  const peer = request.socket.remoteAddress ?? '';
  const chain = [headers['x-forwarded-for'] ?? []].flat();
  const trace = headers['x-amzn-trace-id'];
  return {
    ...headers,
    'x-forwarded-for': [...chain, peer].join(', '),
    'x-forwarded-proto': protocol.toLowerCase(),
    'x-forwarded-port': String(port),
    'x-amzn-trace-id': trace ?? `Root=1-${seconds().toString(16)}-${randomBytes(12).toString('hex')}`,
  };
}

const seconds = () => Math.floor(Date.now() / 1000);

function split(url: string): [string, string] {
  const at = url.indexOf('?');
  return at < 0 ? [url, ''] : [url.slice(0, at), url.slice(at + 1)];
}

/** An answer of the balancer's own, in the words of the real one. */
function fail(request: IncomingMessage, response: ServerResponse, status: number): void {
  const title = `${status} ${reasons[status]}`;
  const lines = [
    '<html>',
    `<head><title>${title}</title></head>`,
    '<body>',
    `<center><h1>${title}</h1></center>`,
    '</body>',
    '</html>',
    '',
  ];
  end(request, response, status, lines.join('\r\n'), { 'content-type': 'text/html' });
}

function end(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  body: string,
  headers: HeaderMap,
): void {
  if (response.headersSent) return void response.destroy();
  // A body that nobody reads would hold the connection.
  request.resume();
  response.writeHead(status, { server: 'awselb/2.0', ...headers, 'content-length': Buffer.byteLength(body) });
  response.end(request.method === 'HEAD' ? undefined : body);
}
