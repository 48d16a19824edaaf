/**
 * One hop of HTTP/1.1, as the load balancer and the edge both make it: ask an upstream, stream its answer back,
 * or join two sockets after an upgrade. Nothing is buffered, so event streams and WebSockets pass.
 */

import {
  type Agent,
  type ClientRequest,
  request as httpRequest,
  type IncomingMessage,
  ServerResponse,
} from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex, Readable, Transform, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Endpoint } from '../contract/endpoint.ts';

/** Names in lower case. */
export type HeaderMap = Record<string, string | string[]>;

export interface Hop {
  readonly endpoint: Endpoint;
  readonly method: string;
  readonly path: string;
  readonly headers: HeaderMap;
  readonly body?: Readable;
  /** Connections to keep; false opens one for this request alone. */
  readonly agent: Agent | false;
  readonly connectTimeoutMs: number;
  /** Longest silence of the upstream, before its answer and inside it. */
  readonly idleTimeoutMs: number;
  /** Gives the request up, as when the client has gone. */
  readonly signal?: AbortSignal;
}

/** Why an upstream gave no answer. */
export class UpstreamError extends Error {
  /**
   * `refused`: no connection; `reset`: closed before the answer; `timeout`: silent for too long; `connect timeout`;
   * `invalid`: what came is not HTTP; `aborted`: given up by the caller.
   */
  readonly reason: 'refused' | 'reset' | 'timeout' | 'connect timeout' | 'invalid' | 'aborted';
  /** The connection had served another request before: the upstream may have closed it as this one was sent. */
  readonly reusedConnection: boolean;

  constructor(reason: UpstreamError['reason'], endpoint: Endpoint, reusedConnection = false) {
    super(`${endpoint.host}:${endpoint.port}: ${reason}`);
    this.name = 'UpstreamError';
    this.reason = reason;
    this.reusedConnection = reusedConnection;
  }
}

/** Headers that belong to one connection (RFC 9110, section 7.6.1). */
const hopByHop = [
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
];

/** End-to-end headers of a message; repeated ones stay apart. */
export function endToEnd(message: IncomingMessage): HeaderMap {
  const named = (message.headers.connection ?? '').split(',').map((name) => name.trim().toLowerCase());
  const dropped = new Set([...hopByHop, ...named]);
  const headers: HeaderMap = {};
  for (const [name, values] of Object.entries(message.headersDistinct)) {
    if (values && !dropped.has(name)) headers[name] = values.length === 1 ? values[0]! : values;
  }
  // The one header whose repetition is joined otherwise than by a comma (RFC 6265bis, section 5.7).
  if (message.headers.cookie !== undefined) headers['cookie'] = message.headers.cookie;
  return headers;
}

/** Whether a request carries a body. */
export function hasBody(message: IncomingMessage): boolean {
  return (
    message.headers['transfer-encoding'] !== undefined || Number(message.headers['content-length'] ?? 0) > 0
  );
}

/**
 * Sends a request and resolves with the head of the answer.
 * @throws UpstreamError when none comes
 */
export function ask(hop: Hop): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const outgoing = open(hop, reject);
    outgoing.once('response', resolve);
    // An answer to a plain request that switches protocols is none.
    outgoing.once('upgrade', (_answer, socket) => {
      socket.destroy();
      reject(new UpstreamError('invalid', hop.endpoint));
    });
    const { body } = hop;
    if (!body) {
      outgoing.end();
      return;
    }
    body.once('error', () => outgoing.destroy());
    outgoing.once('close', () => body.unpipe(outgoing));
    // Not before there is a connection: what was not read can still be sent to another upstream.
    const send = () => body.pipe(outgoing);
    outgoing.once('socket', (socket) => {
      if (socket.connecting) socket.once('connect', send);
      else send();
    });
  });
}

/**
 * Streams an answer back; a break on either side breaks the other, so that a client sees that it is incomplete.
 * @param through what the body passes on its way
 * @returns whether all of it has arrived
 */
export async function relay(
  answer: IncomingMessage,
  to: ServerResponse,
  headers: HeaderMap,
  through: readonly Transform[] = [],
): Promise<boolean> {
  to.writeHead(answer.statusCode!, answer.statusMessage, headers);
  to.flushHeaders();
  return pump(answer, through, to);
}

/** The body of an answer into a sink, whose end and breaks are those of the body. */
export const pump = (answer: Readable, through: readonly Transform[], sink: Writable): Promise<boolean> =>
  pipeline([answer, ...through, sink]).then(
    () => true,
    () => false,
  );

/**
 * Sends a request that asks for an upgrade and joins the two sockets when the upstream agrees. Any other answer is
 * given to `declined`.
 * @throws UpstreamError when no answer comes
 */
export function tunnel(
  hop: Hop,
  upgrade: string,
  client: Duplex,
  head: Buffer,
  declined: (answer: IncomingMessage) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = { ...hop.headers, connection: 'Upgrade', upgrade };
    const outgoing = open({ ...hop, headers }, reject);
    outgoing.once('response', (answer) => {
      declined(answer);
      resolve();
    });
    outgoing.once('upgrade', (answer, upstream, firstBytes) => {
      const lines = [`HTTP/1.1 101 ${answer.statusMessage}`];
      for (let i = 0; i < answer.rawHeaders.length; i += 2) {
        lines.push(`${answer.rawHeaders[i]}: ${answer.rawHeaders[i + 1]}`);
      }
      client.write(`${lines.join('\r\n')}\r\n\r\n`);
      if (firstBytes.length > 0) client.write(firstBytes);
      if (head.length > 0) upstream.write(head);
      join(client as Socket, upstream as Socket, hop.idleTimeoutMs);
      resolve();
    });
    outgoing.end();
  });
}

/** A response to write into a socket that asked for an upgrade and will not get it; the socket ends with it. */
export function plainResponse(request: IncomingMessage, socket: Duplex): ServerResponse {
  const response = new ServerResponse(request);
  response.assignSocket(socket as Socket);
  response.shouldKeepAlive = false;
  response.once('finish', () => socket.end());
  return response;
}

function open(hop: Hop, fail: (error: UpstreamError) => void): ClientRequest {
  const { endpoint, method, path, headers, agent, signal } = hop;
  const outgoing = httpRequest({ ...endpoint, method, path, headers, agent, setHost: false });
  const failWith = (reason: UpstreamError['reason']) => {
    fail(new UpstreamError(reason, endpoint, outgoing.reusedSocket));
    outgoing.destroy();
  };
  const connecting = setTimeout(() => failWith('connect timeout'), hop.connectTimeoutMs);
  const abort = () => failWith('aborted');
  outgoing.once('socket', (socket) => {
    if (socket.connecting) socket.once('connect', () => clearTimeout(connecting));
    else clearTimeout(connecting);
  });
  outgoing.setTimeout(hop.idleTimeoutMs, () => failWith('timeout'));
  // Later errors belong to an answer that has begun: its stream breaks and `relay` sees that.
  outgoing.on('error', (error) => failWith(reasonOf(error)));
  outgoing.once('close', () => {
    clearTimeout(connecting);
    signal?.removeEventListener('abort', abort);
  });
  if (signal?.aborted) abort();
  else signal?.addEventListener('abort', abort, { once: true });
  return outgoing;
}

function reasonOf(error: NodeJS.ErrnoException): UpstreamError['reason'] {
  if (error.code?.startsWith('HPE_')) return 'invalid';
  if (error.code === 'ECONNRESET' || error.code === 'EPIPE') return 'reset';
  return 'refused';
}

/** Two sockets as one; silence on both for `idleMs` ends them. */
function join(one: Socket, other: Socket, idleMs: number): void {
  const end = () => {
    one.destroy();
    other.destroy();
  };
  for (const socket of [one, other]) {
    socket.setNoDelay(true);
    socket.on('error', end);
    socket.on('close', end);
  }
  // Both see every byte, in one direction or the other, so one timer stands for both.
  other.setTimeout(idleMs, end);
  one.setTimeout(0);
  one.pipe(other);
  other.pipe(one);
}
