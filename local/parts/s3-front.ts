/**
 * S3 of one region: what fauxqs, which keeps the objects, leaves out. Path-style and virtual-host addresses,
 * cross-origin rules, presigned requests, checksums, replication, and other regions' buckets by way of their own
 * front. Readers without a signature stand for CloudFront's access to the bucket.
 */

import { Agent, createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Endpoint } from '../../contract/endpoint.ts';
import { localCredentials } from '../../contract/local.ts';
import { type Answer, exchange } from '../exchange.ts';
import { listen, shut } from '../loopback.ts';
import type { Part, PartContext, RunningPart } from '../part.ts';
import { ask, endToEnd, type HeaderMap, relay } from '../proxy.ts';
import { verifyBody } from '../s3/checksums.ts';
import { type CorsRule, corsHeaders } from '../s3/cors.ts';
import { S3Error } from '../s3/error.ts';
import { type ReplicationRule, Replicator } from '../s3/replicator.ts';
import { hoistedHeaders, isPresigned, plainQuery, scopeRegion, verifyPresigned } from '../s3/signature.ts';
import { serviceName } from '../variables.ts';

export interface BucketConfig {
  readonly cors: readonly CorsRule[];
  readonly replication: readonly ReplicationRule[];
}

export interface S3FrontConfig {
  readonly port: number;
  /** Regions in which another bucket may be. */
  readonly regions: readonly string[];
  /** The port of this machine that plays the site, and the names it has on AWS: its origin there is each of them. */
  readonly site: { readonly port: number; readonly names: readonly string[] };
  /** File of what is still to be replicated. */
  readonly journal: string;
  readonly buckets: Readonly<Record<string, BucketConfig>>;
}

/** More than the store takes in one request. */
const maxBodyBytes = 11 * 1024 * 1024;
const forwardTimeoutMs = 30_000;

/** What a request is about. */
interface Target {
  readonly bucket: string;
  /** Decoded; empty for the bucket itself. */
  readonly key: string;
  /** Path-style path, percent-encoded as it came. */
  readonly path: string;
}

export const s3Front: Part<S3FrontConfig> = async (config, context) => {
  const front = new S3Front(config, context);
  await front.open();
  return front;
};

class S3Front implements RunningPart<S3FrontConfig> {
  #config: S3FrontConfig;
  readonly #context: PartContext;
  readonly #server = createServer((request, response) => void this.#serve(request, response));
  readonly #agent = new Agent({ keepAlive: true, maxFreeSockets: 16 });
  readonly #replicator: Replicator;

  constructor(config: S3FrontConfig, context: PartContext) {
    this.#config = config;
    this.#context = context;
    this.#replicator = new Replicator({
      journal: config.journal,
      store: (region = context.region) => context.dial(serviceName(region, 'fauxqs')),
      replicated: (copy) => context.emit('replicated', copy),
      log: context.log,
    });
  }

  open(): Promise<void> {
    return listen(this.#server, this.#config.port);
  }

  update(config: S3FrontConfig): void {
    this.#config = config;
  }

  async close(): Promise<void> {
    await shut(this.#server);
    this.#agent.destroy();
    await this.#replicator.close();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://s3');
    try {
      const target = targetOf(request, pathname);
      const bucket = this.#config.buckets[target.bucket];
      if (!bucket && target.bucket) return await this.#forward(request, response, target);
      const cors = this.#cors(request, bucket?.cors ?? []);
      for (const [name, value] of Object.entries(cors ?? {})) response.setHeader(name, value);
      if (request.method === 'OPTIONS') return preflight(response, cors !== undefined);
      await this.#answer(request, response, target, searchParams, bucket);
    } catch (error) {
      this.#refuse(request, response, pathname, error);
    }
  }

  async #answer(
    request: IncomingMessage,
    response: ServerResponse,
    target: Target,
    query: URLSearchParams,
    bucket: BucketConfig | undefined,
  ): Promise<void> {
    const method = request.method!;
    const anonymous = this.#authenticate(request, target, query);
    const hoisted = isPresigned(query) ? hoistedHeaders(query) : {};
    const headers = { ...endToEnd(request), ...hoisted };
    const body = await bodyOf(request, method);
    verifyBody(headers as IncomingMessage['headers'], body);
    const answer = await this.#store(method, target, plainQuery(query), headers, body);
    // Who may not list a bucket does not learn that a key is missing (GetObject, "Permissions").
    if (anonymous && answer.status === 404) throw new S3Error('AccessDenied', 'Access Denied');
    if (answer.status < 300 && bucket) this.#replicate(method, target, query, bucket);
    response.writeHead(answer.status, answerHeaders(answer));
    response.end(method === 'HEAD' ? undefined : answer.body);
  }

  /** Returns whether the request is unsigned and allowed all the same. */
  #authenticate(request: IncomingMessage, { key }: Target, query: URLSearchParams): boolean {
    const { region } = this.#context;
    const { method = 'GET', headers } = request;
    if (isPresigned(query)) {
      const path = request.url!.split('?')[0]!;
      verifyPresigned({ method, path, query, headers }, region, localCredentials);
      return false;
    }
    const { authorization } = headers;
    if (authorization !== undefined) {
      const signedFor = scopeRegion(authorization);
      if (signedFor === undefined || signedFor === region) return false;
      throw new S3Error(
        'AuthorizationHeaderMalformed',
        `The authorization header is malformed; the region '${signedFor}' is wrong; expecting '${region}'`,
      );
    }
    if (key !== '' && (method === 'GET' || method === 'HEAD')) return true;
    throw new S3Error('AccessDenied', 'Access Denied');
  }

  async #store(
    method: string,
    { path }: Target,
    query: URLSearchParams,
    headers: HeaderMap,
    body: Buffer,
  ): Promise<Answer> {
    // The host is the store's own; cookies of the site's other ports are nothing to S3.
    const { host: _host, cookie: _cookie, expect: _expect, ...passed } = headers;
    const search = query.size > 0 ? `?${query}` : '';
    const hasBody = method === 'PUT' || method === 'POST';
    try {
      const endpoint = this.#context.dial(serviceName(this.#context.region, 'fauxqs'));
      return await exchange(endpoint, {
        method,
        path: path + search,
        headers: passed,
        ...(hasBody && { body }),
      });
    } catch (error) {
      this.#context.log(`${method} ${path}: ${(error as Error).message}`);
      throw new S3Error('ServiceUnavailable', 'Service is unable to handle request.');
    }
  }

  #replicate(method: string, { bucket, key }: Target, query: URLSearchParams, config: BucketConfig): void {
    const partOfUpload = query.has('uploadId') && method === 'PUT';
    const completes = query.has('uploadId') && method === 'POST';
    if (key === '' || partOfUpload) return;
    if (method === 'PUT' || completes) this.#replicator.changed('put', bucket, key, config.replication);
    if (method === 'DELETE' && !query.has('uploadId')) {
      this.#replicator.changed('delete', bucket, key, config.replication);
    }
  }

  /** A bucket of another region: its own front decides, by the request as it came. */
  async #forward(request: IncomingMessage, response: ServerResponse, { bucket }: Target): Promise<void> {
    const endpoint = this.#frontOf(bucket);
    if (!endpoint) throw new S3Error('NoSuchBucket', `The specified bucket does not exist: ${bucket}`);
    const { cookie: _, ...headers } = endToEnd(request);
    const unavailable = (error: Error) => {
      this.#context.log(`${bucket}: ${error.message}`);
      return new S3Error('ServiceUnavailable', 'Service is unable to handle request.');
    };
    const answer = await ask({
      endpoint,
      method: request.method!,
      path: request.url!,
      headers,
      body: request,
      agent: this.#agent,
      connectTimeoutMs: 3_000,
      idleTimeoutMs: forwardTimeoutMs,
    }).catch((error: Error) => {
      throw unavailable(error);
    });
    await relay(answer, response, endToEnd(answer));
  }

  #frontOf(bucket: string): Endpoint | undefined {
    for (const region of this.#config.regions) {
      if (region === this.#context.region) continue;
      try {
        return this.#context.dial(`${bucket}.s3.${region}.amazonaws.com`);
      } catch {
        // Not in that region.
      }
    }
    return undefined;
  }

  #cors({ headers, method }: IncomingMessage, rules: readonly CorsRule[]) {
    const { origin } = headers;
    if (origin === undefined) return undefined;
    const asked = String(headers['access-control-request-headers'] ?? '').toLowerCase();
    return corsHeaders(rules, {
      origins: [origin, ...this.#originsOnAws(origin)],
      method: method === 'OPTIONS' ? String(headers['access-control-request-method']) : method!,
      headers: asked
        .split(',')
        .map((name) => name.trim())
        .filter(Boolean),
    });
  }

  /** A page of this machine's site has the site's own origins on AWS. */
  #originsOnAws(origin: string): string[] {
    const { port, names } = this.#config.site;
    const here = URL.parse(origin);
    const loopback = here && ['localhost', '127.0.0.1', '[::1]'].includes(here.hostname);
    return loopback && Number(here.port) === port ? names.map((name) => `https://${name}`) : [];
  }

  #refuse(request: IncomingMessage, response: ServerResponse, resource: string, error: unknown): void {
    // A client that left in the middle of its upload hears nothing.
    if (request.destroyed && !request.complete) return;
    const known = error instanceof S3Error;
    if (!known) this.#context.log(`${request.method} ${resource}: ${(error as Error).stack}`);
    const refusal = known ? error : new S3Error('InternalError', 'We encountered an internal error.');
    // The rest of a body that nobody will read ends with the connection.
    if (!request.complete) response.setHeader('connection', 'close');
    response.writeHead(refusal.status, { 'content-type': 'application/xml' });
    response.end(request.method === 'HEAD' ? undefined : refusal.toXml(resource));
  }
}

/** Bucket and key by the host (`bucket.s3.region.amazonaws.com`) or by the path. */
function targetOf({ headers }: IncomingMessage, pathname: string): Target {
  const host = String(headers.host ?? '')
    .replace(/:\d+$/, '')
    .toLowerCase();
  const virtual = /^(.+)\.s3\.(?:dualstack\.)?(?:[a-z0-9-]+\.)?amazonaws\.com$/.exec(host)?.[1];
  const path = virtual ? `/${virtual}${pathname}` : pathname;
  const [, bucket = '', ...rest] = path.split('/');
  try {
    return { bucket, key: decodeURIComponent(rest.join('/')), path };
  } catch {
    throw new S3Error('InvalidRequest', `got path '${pathname}', expected percent-encoded UTF-8`);
  }
}

async function bodyOf(request: IncomingMessage, method: string): Promise<Buffer> {
  if (method !== 'PUT' && method !== 'POST') return Buffer.alloc(0);
  const length = request.headers['content-length'];
  if (length === undefined) {
    throw new S3Error('MissingContentLength', 'You must provide the Content-Length HTTP header.');
  }
  if (Number(length) > maxBodyBytes) {
    throw new S3Error(
      'EntityTooLarge',
      `Your proposed upload of ${length} bytes exceeds the ${maxBodyBytes} that one request may carry here.`,
    );
  }
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function answerHeaders({ headers }: Answer): HeaderMap {
  const {
    connection: _,
    'keep-alive': __,
    'transfer-encoding': ___,
    'set-cookie': ____,
    ...passed
  } = headers;
  return { 'accept-ranges': 'bytes', server: 'AmazonS3', ...(passed as HeaderMap) };
}

function preflight(response: ServerResponse, allowed: boolean): void {
  response.statusCode = allowed ? 200 : 403;
  response.end(allowed ? undefined : 'CORSResponse: This CORS request is not allowed.');
}
