/** Parts of a host process, run in the test's own process on free ports, and servers for them to talk to. */

import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { type AddressInfo, connect, createServer as createTcpServer } from 'node:net';
import { afterEach } from '@jest/globals';
import type { Endpoint } from '../../contract/endpoint.ts';
import type { Part, RunningPart } from '../../local/part.ts';

const endings: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  await Promise.all(endings.splice(0).map((end) => end()));
});

/** Runs an ending after the current test, whatever becomes of it. */
export const afterThisTest = (end: () => Promise<unknown>): void => void endings.push(end);

export interface PartEvent {
  readonly event: string;
  readonly detail: Readonly<Record<string, unknown>>;
}

/** A running part with the events it has emitted. */
export interface PartUnderTest<C> extends RunningPart<C> {
  readonly events: readonly PartEvent[];
  /** Resolves with the first event that fits, one that has already come included. */
  event(fits: (event: PartEvent) => boolean): Promise<PartEvent>;
}

/** Runs a part; it is closed after the test. `names` is what `dial` knows. */
export async function runPart<C>(
  part: Part<C>,
  config: C,
  names: Readonly<Record<string, Endpoint>> = {},
): Promise<PartUnderTest<C>> {
  const events: PartEvent[] = [];
  const waiting = new Set<() => void>();
  const running = await part(config, {
    region: 'eu-west-1',
    dial(name) {
      const found = names[name];
      if (!found) throw new Error(`nothing is listed under '${name}'`);
      return found;
    },
    emit(event, detail = {}) {
      events.push({ event, detail });
      for (const look of waiting) look();
    },
    log() {},
  });
  let closed: Promise<void> | undefined;
  const close = () => {
    closed ??= running.close();
    return closed;
  };
  afterThisTest(close);
  return {
    events,
    event: (fits) =>
      new Promise((resolve) => {
        const look = () => {
          const found = events.find(fits);
          if (!found) return;
          waiting.delete(look);
          resolve(found);
        };
        waiting.add(look);
        look();
      }),
    update: (config) => running.update?.(config),
    call: (method, argument) => running.call?.(method, argument),
    close,
  };
}

/** A port of 127.0.0.1 that nothing listens on. */
export async function freePort(): Promise<number> {
  const server = createTcpServer();
  const port = await new Promise<number>((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });
  await new Promise((resolve) => server.close(resolve));
  return port;
}

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

export interface TestServer {
  readonly endpoint: Endpoint;
  /** What was asked, in order. */
  readonly requests: readonly IncomingMessage[];
  readonly server: Server;
  close(): Promise<void>;
}

/** A server that answers as told and remembers what it was asked; it ends with the test. */
export async function serve(answer: Answer, port = 0): Promise<TestServer> {
  const requests: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    requests.push(request);
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const close = async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  afterThisTest(close);
  const endpoint = { host: '127.0.0.1', port: (server.address() as AddressInfo).port };
  return { endpoint, requests, server, close };
}

/** Adds a WebSocket-like upgrade to a server: what the client sends comes back in capitals. */
export function echoUpgrades({ server }: TestServer): void {
  server.on('upgrade', (_request, socket) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
    socket.on('data', (chunk) => socket.write(String(chunk).toUpperCase()));
    socket.on('error', () => socket.destroy());
    afterThisTest(async () => void socket.destroy());
  });
}

export interface Answered {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

/** One request on a connection of its own, with any Host; rejects when the answer breaks off. */
export function ask(
  port: number,
  path: string,
  {
    method = 'GET',
    headers = {},
    body,
  }: { method?: string; headers?: Record<string, string>; body?: string } = {},
): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, path, method, headers, agent: false };
    const request = httpRequest(options, (answer) => {
      let text = '';
      answer.setEncoding('utf8');
      answer.on('data', (chunk) => {
        text += chunk;
      });
      answer.once('error', reject);
      answer.once('end', () => resolve({ status: answer.statusCode!, headers: answer.headers, body: text }));
    });
    request.once('error', reject);
    request.end(body);
  });
}

/** Sends text over a raw connection and resolves with the first answer that holds `until`. */
export function talk(port: number, lines: readonly string[], until: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let heard = '';
    const socket = connect(port, '127.0.0.1', () => socket.write(lines.join('\r\n')));
    socket.on('data', (chunk) => {
      heard += chunk;
      if (!heard.includes(until)) return;
      resolve(heard);
      socket.destroy();
    });
    socket.once('error', reject);
    socket.once('close', () => reject(new Error(`the connection ended after: ${heard}`)));
  });
}
