/** One client of the embedded cache: what it sends, what it listens to. */

import { createHash } from 'node:crypto';
import type { Socket } from 'node:net';
import { commands } from './commands.ts';
import type { Keyspace } from './keyspace.ts';
import {
  CommandError,
  encodeError,
  encodeReply,
  ok,
  ProtocolError,
  type Reply,
  RequestParser,
} from './resp.ts';
import { slotCount, slotOf } from './slots.ts';

/** A subscriber that reads more slowly than this is cut off ("Output buffer limits"). */
const maxUnreadBytes = 8 * 1024 * 1024;

/** What all connections of a server share. */
export interface Shared {
  readonly port: number;
  readonly keyspace: Keyspace;
  readonly connections: Set<Connection>;
}

type Own = (args: readonly Buffer[], connection: Connection) => Reply | undefined;

export class Connection {
  readonly #socket: Socket;
  readonly #shared: Shared;
  readonly #parser = new RequestParser();
  readonly #channels = new Set<string>();

  constructor(socket: Socket, shared: Shared) {
    this.#socket = socket;
    this.#shared = shared;
    shared.connections.add(this);
    socket.setNoDelay(true);
    socket.on('data', (chunk) => this.#receive(chunk));
    socket.on('error', () => {});
    socket.on('close', () => shared.connections.delete(this));
  }

  get shared(): Shared {
    return this.#shared;
  }

  /** Hands over a message when its channel is listened to. */
  deliver(channel: Buffer, message: Buffer): boolean {
    if (!this.#channels.has(channel.toString('latin1'))) return false;
    this.#send(encodeReply(['message', channel, message]));
    if (this.#socket.writableLength > maxUnreadBytes) this.#socket.destroy();
    return true;
  }

  /** Each channel is confirmed by an answer of its own. */
  subscribe(channels: readonly Buffer[]): undefined {
    for (const channel of channels) {
      this.#channels.add(channel.toString('latin1'));
      this.#send(encodeReply(['subscribe', channel, this.#channels.size]));
    }
  }

  unsubscribe(channels: readonly Buffer[]): undefined {
    const known = [...this.#channels].map((channel) => Buffer.from(channel, 'latin1'));
    const leaving = channels.length > 0 ? channels : known;
    if (leaving.length === 0) this.#send(encodeReply(['unsubscribe', null, 0]));
    for (const channel of leaving) {
      this.#channels.delete(channel.toString('latin1'));
      this.#send(encodeReply(['unsubscribe', channel, this.#channels.size]));
    }
  }

  quit(): undefined {
    this.#send(encodeReply(ok));
    this.#socket.end();
  }

  get listening(): boolean {
    return this.#channels.size > 0;
  }

  #receive(chunk: Buffer): void {
    // What one packet asks is answered with one packet.
    this.#socket.cork();
    try {
      for (const request of this.#parser.push(chunk)) this.#answer(request);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#send(encodeError(`ERR Protocol error: ${error.message}`));
      this.#socket.end();
    }
    process.nextTick(() => this.#socket.uncork());
  }

  #answer([name, ...args]: readonly Buffer[]): void {
    try {
      const reply = this.#carryOut(name!.toString('latin1').toUpperCase(), args);
      if (reply !== undefined) this.#send(encodeReply(reply));
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      this.#send(encodeError(error.message));
    }
  }

  #carryOut(name: string, args: readonly Buffer[]): Reply | undefined {
    const lower = name.toLowerCase();
    if (this.listening && !whileListening.has(name)) {
      throw new CommandError(
        `ERR Can't execute '${lower}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context`,
      );
    }
    const own = Object.hasOwn(ownCommands, name) ? ownCommands[name] : undefined;
    if (own) return own(args, this);
    const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
    if (!command) throw new CommandError(`ERR unknown command '${lower}', with args beginning with: `);
    const [fewest, most] = command.arguments;
    if (args.length < fewest || args.length > most) {
      throw new CommandError(`ERR wrong number of arguments for '${lower}' command`);
    }
    if (new Set(command.keys(args).map(slotOf)).size > 1) {
      throw new CommandError("CROSSSLOT Keys in request don't hash to the same slot");
    }
    return command.run(args, this.#shared.keyspace);
  }

  #send(bytes: Buffer): void {
    if (this.#socket.writable) this.#socket.write(bytes);
  }
}

const whileListening = new Set(['SUBSCRIBE', 'UNSUBSCRIBE', 'PING', 'QUIT']);

/** Commands about the connection or the server and not about keys. */
const ownCommands: Readonly<Record<string, Own>> = {
  PING(args, { listening }) {
    if (listening) return ['pong', args[0] ?? ''];
    return args[0] ?? { status: 'PONG' };
  },
  ECHO: ([message]) => message ?? '',
  QUIT: (_, connection) => connection.quit(),
  SELECT: ([database]) => {
    if (database?.toString() === '0') return ok;
    throw new CommandError('ERR SELECT is not allowed in cluster mode');
  },
  AUTH: () => ok,
  CLIENT: ([subcommand]) => (subcommand?.toString().toUpperCase() === 'ID' ? 1 : ok),
  COMMAND: () => [],
  CONFIG: ([subcommand, name], { shared }) =>
    subcommand?.toString().toUpperCase() === 'GET' && name?.toString() === 'maxmemory-policy'
      ? ['maxmemory-policy', shared.keyspace.policy]
      : [],
  READONLY: () => ok,
  READWRITE: () => ok,
  INFO: () =>
    [
      '# Server',
      'redis_version:7.2.4',
      'redis_mode:cluster',
      '# Persistence',
      'loading:0',
      '# Replication',
      'role:master',
      '',
    ].join('\r\n'),
  PUBLISH([channel, message], { shared }) {
    if (!channel || !message) throw new CommandError("ERR wrong number of arguments for 'publish' command");
    return [...shared.connections].filter((connection) => connection.deliver(channel, message)).length;
  },
  SUBSCRIBE: (channels, connection) => connection.subscribe(channels),
  UNSUBSCRIBE: (channels, connection) => connection.unsubscribe(channels),
  CLUSTER([subcommand, key], { shared }) {
    const { port } = shared;
    const id = createHash('sha1').update(String(port)).digest('hex');
    const last = slotCount - 1;
    switch (subcommand?.toString().toUpperCase()) {
      case 'SLOTS':
        return [[0, last, ['127.0.0.1', port, id, []]]];
      case 'SHARDS': {
        const address = ['id', id, 'port', port, 'ip', '127.0.0.1', 'endpoint', '127.0.0.1'];
        const node = [...address, 'role', 'master', 'replication-offset', 0, 'health', 'online'];
        return [['slots', [0, last], 'nodes', [node]]];
      }
      case 'NODES':
        return `${id} 127.0.0.1:${port}@${port} myself,master - 0 0 1 connected 0-${last}\n`;
      case 'INFO':
        return [
          'cluster_enabled:1',
          'cluster_state:ok',
          `cluster_slots_assigned:${slotCount}`,
          'cluster_known_nodes:1',
          'cluster_size:1',
          '',
        ].join('\r\n');
      case 'MYID':
        return id;
      case 'KEYSLOT':
        return slotOf(key ?? Buffer.alloc(0));
      default:
        throw new CommandError(`ERR unknown subcommand '${subcommand}'. Try CLUSTER HELP.`);
    }
  },
};
