/** The way from the edge to the origins: names by DNS, connections and attempts as declared, groups in their order. */

import { randomBytes } from 'node:crypto';
import { Agent, type IncomingMessage } from 'node:http';
import type { Duplex, Readable } from 'node:stream';
import type { Endpoint } from '../../contract/endpoint.ts';
import { Resolver } from '../dns/resolver.ts';
import { ask, type HeaderMap, type Hop, tunnel, UpstreamError } from '../proxy.ts';
import type { Viewer } from '../routing.ts';
import type { BehaviorConfig, EdgeConfig, OriginConfig, OriginGroupConfig } from './config.ts';
import { forwardedHeaders, forwardedQuery } from './policies.ts';
import { placeOf } from './viewer.ts';
import type { ViewerRequest } from './viewer-function.ts';

/** A request as an origin is to get it. */
export interface Outgoing {
  /** What the viewer asked for, as the function on viewer requests left it. */
  readonly asked: ViewerRequest;
  readonly behavior: BehaviorConfig;
  readonly viewer: Viewer;
  /** Of the viewer's connection. */
  readonly client: { readonly address: string; readonly port: number; readonly httpVersion: string };
  /** The edge's own headers, over those that the policies forward. */
  readonly own?: HeaderMap;
  readonly body?: Readable;
  readonly signal?: AbortSignal;
}

export interface Upgrade {
  readonly socket: Duplex;
  readonly head: Buffer;
}

export interface Surroundings {
  dial(nameOrAddress: string): Endpoint;
  log(line: string): void;
  /** A name has another address for a place than before. */
  moved(detail: Readonly<Record<string, string>>): void;
}

/** Methods that an origin group may ask a second origin with, and that may be sent twice. */
const repeatable = ['GET', 'HEAD', 'OPTIONS'];

/** Connections to an origin that is not asked are kept this long; below the load balancer's own patience. */
const keepAliveMs = 30_000;

export class Origins {
  #config: EdgeConfig;
  readonly #around: Surroundings;
  readonly #agent = new Agent({ keepAlive: true, maxFreeSockets: 256, timeout: keepAliveMs });
  readonly #resolver: Resolver | undefined;
  /** Name and place → address that was last used. */
  readonly #last = new Map<string, string>();

  constructor(config: EdgeConfig, around: Surroundings) {
    this.#config = config;
    this.#around = around;
    this.#resolver = config.nameServer && new Resolver(config.nameServer);
  }

  update(config: EdgeConfig): void {
    this.#config = config;
  }

  close(): void {
    this.#agent.destroy();
    this.#resolver?.close();
  }

  /**
   * The head of the first answer that counts: of the first origin, or for a repeatable request of the next one of its
   * group.
   * @throws UpstreamError when the last origin gives none
   */
  async ask(outgoing: Outgoing): Promise<IncomingMessage> {
    const { behavior, asked } = outgoing;
    const group: OriginGroupConfig = this.#config.groups[behavior.target] ?? {
      members: [behavior.target],
      statusCodes: [],
    };
    const members = repeatable.includes(asked.method) ? group.members : group.members.slice(0, 1);
    for (const [i, id] of members.entries()) {
      const isLast = i === members.length - 1;
      const origin = this.#config.origins[id]!;
      try {
        const answer = await this.#attempt(outgoing, origin);
        if (isLast || !group.statusCodes.includes(answer.statusCode!)) return answer;
        answer.resume();
      } catch (error) {
        if (!(error instanceof UpstreamError) || error.reason === 'aborted' || isLast) throw error;
        this.#around.log(`${asked.method} ${asked.path} -> ${origin.domain}: ${error.message}`);
      }
    }
    throw new Error(`behavior '${behavior.pattern}' has no origin`);
  }

  /** Joins a viewer's upgraded connection and the first origin's; never tried twice. */
  async join(
    outgoing: Outgoing,
    protocol: string,
    { socket, head }: Upgrade,
    declined: (answer: IncomingMessage) => void,
  ): Promise<void> {
    const { target } = outgoing.behavior;
    const origin = this.#config.origins[this.#config.groups[target]?.members[0] ?? target]!;
    const hop = { ...(await this.#hop(outgoing, origin)), agent: false as const };
    return tunnel(hop, protocol, socket, head, declined);
  }

  /** As often as the origin's settings say while there is no connection; a repeatable request also after a reset. */
  async #attempt(outgoing: Outgoing, origin: OriginConfig): Promise<IncomingMessage> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await ask(await this.#hop(outgoing, origin));
      } catch (error) {
        if (!(error instanceof UpstreamError)) throw error;
        const unsent = error.reason === 'refused' || error.reason === 'connect timeout';
        const again = error.reason === 'reset' && repeatable.includes(outgoing.asked.method);
        if (attempt >= origin.attempts || !(unsent || again)) throw error;
      }
    }
  }

  async #hop(outgoing: Outgoing, origin: OriginConfig): Promise<Hop> {
    const { asked, behavior, viewer, client, own = {}, body, signal } = outgoing;
    const { domain, path, headers, connectTimeoutMs, readTimeoutMs } = origin;
    const known = {
      'cloudfront-forwarded-proto': 'https',
      'cloudfront-viewer-country': viewer.country ?? '',
      'cloudfront-viewer-address': `${client.address}:${client.port}`,
    };
    const chain = [asked.headers['x-forwarded-for'] ?? []].flat();
    return {
      endpoint: await this.#find(domain, viewer),
      method: asked.method,
      path: `${path}${asked.path}${forwardedQuery(asked.query, behavior.forwarding)}`,
      headers: {
        ...forwardedHeaders(asked.headers, behavior.forwarding, known),
        ...own,
        'x-forwarded-for': [...chain, client.address].join(', '),
        'x-forwarded-proto': 'https',
        via: `${client.httpVersion} ${this.#config.distribution.domain} (CloudFront)`,
        'x-amz-cf-id': requestId(),
        ...headers,
        host: domain,
      },
      ...(body && { body }),
      agent: this.#agent,
      connectTimeoutMs,
      idleTimeoutMs: readTimeoutMs,
      ...(signal && { signal }),
    };
  }

  /**
   * Where a name listens for a viewer. A name of another zone than that of the templates is listed as it is.
   * @throws UpstreamError for one that has no address, or that nothing on this machine has
   */
  async #find(domain: string, viewer: Viewer): Promise<Endpoint> {
    try {
      const address = await this.#resolver?.address(domain, viewer);
      if (address !== undefined) this.#note(domain, viewer, address);
      return this.#around.dial(address ?? domain);
    } catch (error) {
      this.#around.log(`${domain}: ${(error as Error).message}`);
      throw new UpstreamError('refused', { host: domain, port: 443 });
    }
  }

  #note(name: string, viewer: Viewer, address: string): void {
    const place = placeOf(viewer);
    const key = `${name} ${place}`;
    const before = this.#last.get(key);
    if (before === address) return;
    this.#last.set(key, address);
    if (before !== undefined) this.#around.moved({ name, place, from: before, to: address });
  }
}

/** Names a request in the logs of CloudFront and to its support. */
export const requestId = (): string => randomBytes(24).toString('base64url');
