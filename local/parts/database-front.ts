/**
 * The endpoints of a database cluster: stable ports before servers that come and go. Reads the startup packet of
 * each connection (PostgreSQL documentation, section 53.7) and chooses a server by what it says: a connection
 * whose options ask for write forwarding goes to the writer wherever that is, any other to a server of the region.
 */

import { connect, createServer, type Server, type Socket } from 'node:net';
import type { Endpoint } from '../../contract/endpoint.ts';
import type { Part, PartContext, RunningPart } from '../part.ts';

/** One endpoint. Servers are names of the address book. */
export interface FrontEndpoint {
  readonly port: number;
  /** In order of preference: the next is tried when one refuses. */
  readonly servers: readonly string[];
  /** How many of the first servers take turns. */
  readonly rotate: number;
}

export interface DatabaseFrontConfig {
  readonly endpoints: readonly FrontEndpoint[];
  /** Where forwarded writes go; absent where the cluster does not forward. */
  readonly writer?: string;
}

const requests = { ssl: 80877103, gss: 80877104, cancel: 80877102 } as const;
/** Longer startup packets are refused by PostgreSQL itself (MAX_STARTUP_PACKET_LENGTH). */
const maxStartupBytes = 10_000;
const startupWithinMs = 10_000;
const connectWithinMs = 5_000;

export const databaseFront: Part<DatabaseFrontConfig> = async (config, context) => {
  const front = new DatabaseFront(config, context);
  await front.open();
  return front;
};

class DatabaseFront implements RunningPart<DatabaseFrontConfig> {
  #config: DatabaseFrontConfig;
  readonly #context: PartContext;
  readonly #servers = new Map<number, Server>();
  readonly #sockets = new Set<Socket>();
  #turn = 0;

  constructor(config: DatabaseFrontConfig, context: PartContext) {
    this.#config = config;
    this.#context = context;
  }

  async open(): Promise<void> {
    await Promise.all(this.#config.endpoints.map(({ port }) => this.#listen(port)));
  }

  /** New connections follow the new configuration; those that are open stay where they are. */
  update(config: DatabaseFrontConfig): void {
    this.#config = config;
  }

  async close(): Promise<void> {
    const closed = [...this.#servers.values()].map(
      (server) => new Promise((resolve) => server.close(resolve)),
    );
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(closed);
  }

  #listen(port: number): Promise<void> {
    const server = createServer({ noDelay: true }, (socket) => void this.#serve(this.#track(socket), port));
    this.#servers.set(port, server);
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, '127.0.0.1', resolve);
    });
  }

  async #serve(client: Socket, port: number): Promise<void> {
    try {
      const packet = await startupPacket(client);
      const endpoint = this.#config.endpoints.find((one) => one.port === port);
      if (!packet || !endpoint) return void client.destroy();
      if (packet.readInt32BE(4) === requests.cancel) return await this.#cancel(client, packet, endpoint);
      const server = await this.#reach(this.#candidates(endpoint, packet));
      if (!server) return refuse(client);
      server.write(packet);
      join(client, server);
    } catch (error) {
      this.#context.log(`connection ended: ${(error as Error).message}`);
      client.destroy();
    }
  }

  #candidates(endpoint: FrontEndpoint, packet: Buffer): readonly string[] {
    const { writer } = this.#config;
    if (writer !== undefined && asksForForwarding(packet)) return [writer];
    const { servers, rotate } = endpoint;
    if (rotate < 2) return servers;
    const first = this.#turn++ % rotate;
    const turning = servers.slice(0, rotate);
    return [...turning.slice(first), ...turning.slice(0, first), ...servers.slice(rotate)];
  }

  async #reach(names: readonly string[]): Promise<Socket | undefined> {
    for (const name of names) {
      const socket = await dial(this.#endpoint(name));
      if (socket) return this.#track(socket);
    }
    return undefined;
  }

  /** The key in a cancel request belongs to one server; the others take no notice. */
  async #cancel(client: Socket, packet: Buffer, { servers }: FrontEndpoint): Promise<void> {
    const names = new Set([...servers, ...(this.#config.writer ? [this.#config.writer] : [])]);
    await Promise.all(
      [...names].map(async (name) => (await dial(this.#endpoint(name)))?.on('error', () => {}).end(packet)),
    );
    client.destroy();
  }

  #endpoint(name: string): Endpoint | undefined {
    try {
      return this.#context.dial(name);
    } catch {
      return undefined;
    }
  }

  #track(socket: Socket): Socket {
    this.#sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => this.#sockets.delete(socket));
    return socket;
  }
}

/**
 * The packet that says what a client wants, after any question for encryption was answered with no.
 * Undefined when the client left or sent something else.
 */
function startupPacket(client: Socket): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    let received = Buffer.alloc(0);
    const done = (packet?: Buffer) => {
      clearTimeout(timer);
      client.off('data', onData);
      client.off('close', onClose);
      client.pause();
      resolve(packet);
    };
    const onClose = () => done();
    const onData = (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      while (received.length >= 8) {
        const length = received.readInt32BE(0);
        const code = received.readInt32BE(4);
        if (length < 8 || length > maxStartupBytes) return done();
        if (received.length < length) return;
        if (code !== requests.ssl && code !== requests.gss) return done(received);
        client.write('N');
        received = received.subarray(length);
      }
    };
    const timer = setTimeout(done, startupWithinMs);
    client.on('data', onData);
    client.once('close', onClose);
  });
}

/** Whether a startup packet turns write forwarding on, as its own parameter or inside `options`. */
export function asksForForwarding(packet: Buffer): boolean {
  const fields = packet.toString('utf8', 8, packet.readInt32BE(0)).split('\0');
  const parameters = new Map<string, string>();
  for (let i = 0; i + 1 < fields.length; i += 2) parameters.set(fields[i]!, fields[i + 1]!);
  const setting = 'apg_write_forward.consistency_mode';
  const inOptions = new RegExp(`(?:-c\\s*|--)${setting.replace('.', '\\.')}=(\\S+)`, 'i').exec(
    parameters.get('options') ?? '',
  )?.[1];
  const mode = parameters.get(setting) ?? inOptions;
  return mode !== undefined && mode.toLowerCase() !== 'off';
}

function dial(endpoint: Endpoint | undefined): Promise<Socket | undefined> {
  if (!endpoint) return Promise.resolve(undefined);
  return new Promise((resolve) => {
    const socket = connect({ ...endpoint, noDelay: true, timeout: connectWithinMs });
    const fail = () => {
      socket.destroy();
      resolve(undefined);
    };
    socket.once('error', fail);
    socket.once('timeout', fail);
    socket.once('connect', () => {
      socket.setTimeout(0);
      socket.off('error', fail);
      resolve(socket);
    });
  });
}

function join(client: Socket, server: Socket): void {
  client.pipe(server);
  server.pipe(client);
  client.on('close', () => server.destroy());
  server.on('close', () => client.destroy());
  // The server may have gone before there was anything to listen with.
  if (server.destroyed) client.destroy();
  if (client.destroyed) server.destroy();
}

/** ErrorResponse 57P03, cannot_connect_now: what a client retries. */
function refuse(client: Socket): void {
  const fields = ['SFATAL', 'VFATAL', 'C57P03', 'Mno server of this endpoint accepts connections'];
  const body = Buffer.from(`${fields.join('\0')}\0\0`);
  const head = Buffer.alloc(5);
  head.write('E');
  head.writeInt32BE(body.length + 4, 1);
  client.end(Buffer.concat([head, body]));
}
