/**
 * The control interface: HTTP on loopback, the only door to a run. Any web page can send requests to a port of
 * localhost, so it answers only its own host name, no foreign origin, and only who knows the token.
 *
 *   GET  /state                                             RunReport (local/state.ts)
 *   GET  /events?after=ID                                   server-sent events, one RunEvent each
 *   POST /resources/REGION/RESOURCE/{start,stop}
 *   POST /resources/REGION/RESOURCE/units/UNIT/stop
 *   POST /regions/REGION/{start,stop}
 *   POST /stop                                              ends the run
 */

import { timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { EventLog, RunEvent } from './events.ts';
import { listen, shut } from './loopback.ts';
import type { RunReport } from './state.ts';

/** What the interface may do to a run. */
export interface Controlled {
  readonly events: EventLog;
  state(): RunReport;
  startResource(region: string, logicalId: string): Promise<void>;
  stopResource(region: string, logicalId: string): Promise<void>;
  stopUnit(region: string, logicalId: string, unit: string): Promise<void>;
  startRegion(region: string): Promise<void>;
  stopRegion(region: string): Promise<void>;
  /** Begins the end of the run; the answer does not wait for it. */
  end(): void;
}

export interface ControlOptions {
  readonly port: number;
  /** What a client must send as `Authorization: Bearer TOKEN`. */
  readonly token: string;
}

/** A comment line that often keeps a quiet stream open, milliseconds. */
const heartbeatMs = 15_000;

/** A request that is refused, with its status. */
class Refusal extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

type Action = (run: Controlled, names: readonly string[]) => Promise<void> | void;

const actions: readonly (readonly [pattern: RegExp, action: Action])[] = [
  [/^\/resources\/([^/]+)\/([^/]+)\/start$/, (run, [region, id]) => run.startResource(region!, id!)],
  [/^\/resources\/([^/]+)\/([^/]+)\/stop$/, (run, [region, id]) => run.stopResource(region!, id!)],
  [
    /^\/resources\/([^/]+)\/([^/]+)\/units\/([^/]+)\/stop$/,
    (run, [region, id, unit]) => run.stopUnit(region!, id!, unit!),
  ],
  [/^\/regions\/([^/]+)\/start$/, (run, [region]) => run.startRegion(region!)],
  [/^\/regions\/([^/]+)\/stop$/, (run, [region]) => run.stopRegion(region!)],
];

/** Serves the control interface of a run; returns how to close it. */
export async function serveControl(
  run: Controlled,
  { port, token }: ControlOptions,
): Promise<() => Promise<void>> {
  const server: Server = createServer((request, response) => {
    answer(run, request, response, { port, token }).catch((error: Error) => {
      const status = error instanceof Refusal ? error.status : 409;
      if (response.headersSent) response.destroy();
      else json(response, status, { error: error.message });
    });
  });
  await listen(server, port);
  return () => shut(server);
}

async function answer(
  run: Controlled,
  request: IncomingMessage,
  response: ServerResponse,
  { port, token }: ControlOptions,
): Promise<void> {
  admit(request, port, token);
  const url = new URL(request.url ?? '/', `http://127.0.0.1:${port}`);
  if (request.method === 'GET' && url.pathname === '/state') return json(response, 200, run.state());
  if (request.method === 'GET' && url.pathname === '/events') {
    return stream(run.events, url.searchParams.get('after') ?? '0', response);
  }
  if (request.method === 'POST' && url.pathname === '/stop') {
    // The end closes this very connection: the answer goes first.
    response.once('finish', () => run.end());
    return json(response, 200, { lastEvent: run.events.last });
  }
  for (const [pattern, action] of actions) {
    const match = pattern.exec(url.pathname);
    if (!match) continue;
    if (request.method !== 'POST') throw new Refusal(405, `got ${request.method}, expected POST`);
    await action(run, match.slice(1).map(decodeURIComponent));
    return json(response, 200, { lastEvent: run.events.last });
  }
  const known = ['GET /state', 'GET /events', 'POST /resources/…', 'POST /regions/…', 'POST /stop'];
  throw new Refusal(404, `got ${request.method} ${url.pathname}, expected one of: ${known.join(', ')}`);
}

/** Throws a Refusal unless the request comes from a program that read the token. */
function admit(request: IncomingMessage, port: number, token: string): void {
  const hosts = [`127.0.0.1:${port}`, `localhost:${port}`];
  const { host = '', origin, authorization = '' } = request.headers;
  if (!hosts.includes(host)) throw new Refusal(421, `got Host '${host}', expected ${hosts.join(' or ')}`);
  if (origin !== undefined && !hosts.includes(origin.replace(/^http:\/\//, ''))) {
    throw new Refusal(403, `got Origin '${origin}', expected none or http://${hosts[0]}`);
  }
  const got = Buffer.from(authorization);
  const expected = Buffer.from(`Bearer ${token}`);
  if (got.length !== expected.length || !timingSafeEqual(got, expected)) {
    throw new Refusal(
      401,
      "got no or a wrong token, expected 'Authorization: Bearer TOKEN' with that of run.json",
    );
  }
}

function stream(events: EventLog, after: string, response: ServerResponse): void {
  const last = Number(after);
  if (!Number.isInteger(last) || last < 0) {
    throw new Refusal(400, `got after=${after}, expected the id of an event, or 0`);
  }
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
  const send = (event: RunEvent) => response.write(`id: ${event.id}\ndata: ${JSON.stringify(event)}\n\n`);
  for (const event of events.since(last)) send(event);
  response.write(': listening\n\n');
  const unlisten = events.listen(send);
  const heartbeat = setInterval(() => response.write(': still here\n\n'), heartbeatMs);
  response.once('close', () => {
    unlisten();
    clearInterval(heartbeat);
  });
}

function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' });
  response.end(`${JSON.stringify(body)}\n`);
}
