/** A name server on loopback, over UDP and TCP, for the name system of this process. */

import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { decode, encode, type Packet, TRUNCATED_RESPONSE } from 'dns-packet';
import type { NameSystem } from '../name-system.ts';
import { answerQuery, codes, malformed } from './zone.ts';

/** Milliseconds of silence after which a TCP connection ends (RFC 7766, section 6.2.3). */
const idleMs = 10_000;

/** Clients of TCP at the same time. */
const maxConnections = 128;

export class DnsServer {
  readonly #names: NameSystem;
  readonly #port: number;
  readonly #udp: UdpSocket = createSocket('udp4');
  readonly #tcp: Server;
  readonly #sockets = new Set<Socket>();

  constructor(names: NameSystem, port: number) {
    this.#names = names;
    this.#port = port;
    this.#tcp = createServer((socket) => this.#connect(socket));
    this.#tcp.maxConnections = maxConnections;
  }

  /** @throws Error when the port is in use, of either protocol */
  async open(): Promise<void> {
    this.#udp.on('message', (message, { port, address }) => {
      const answer = this.#answer(message, 'udp');
      if (answer) this.#udp.send(answer, port, address, () => undefined);
    });
    this.#udp.bind(this.#port, '127.0.0.1');
    await once(this.#udp, 'listening');
    this.#udp.on('error', () => undefined);
    this.#tcp.listen(this.#port, '127.0.0.1');
    await once(this.#tcp, 'listening');
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all([
      new Promise<void>((resolve) => this.#udp.close(() => resolve())),
      new Promise<void>((resolve) => this.#tcp.close(() => resolve())),
    ]);
  }

  #connect(socket: Socket): void {
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    socket.setTimeout(idleMs, () => socket.destroy());
    let heard = Buffer.alloc(0);
    socket.on('data', (chunk) => {
      heard = Buffer.concat([heard, chunk]);
      // Each message has its length before it (RFC 1035, section 4.2.2).
      while (heard.length >= 2 && heard.length >= 2 + heard.readUInt16BE(0)) {
        const end = 2 + heard.readUInt16BE(0);
        const answer = this.#answer(heard.subarray(2, end), 'tcp');
        heard = heard.subarray(end);
        if (!answer) return void socket.destroy();
        const length = Buffer.alloc(2);
        length.writeUInt16BE(answer.length);
        socket.write(Buffer.concat([length, answer]));
      }
    });
  }

  #answer(message: Buffer, protocol: 'udp' | 'tcp'): Buffer | undefined {
    let query: ReturnType<typeof decode>;
    try {
      query = decode(message);
    } catch {
      const refusal = malformed(message);
      return refusal && encode(refusal);
    }
    // An answer is never answered, or two servers would talk for ever.
    if (query.type !== 'query') return undefined;
    let answer: Packet;
    try {
      answer = answerQuery(query, this.#names);
    } catch {
      answer = { type: 'response', id: query.id ?? 0, flags: codes.failed, questions: query.questions ?? [] };
    }
    const bytes = encode(answer);
    const fits = protocol === 'tcp' || bytes.length <= payloadOf(query);
    return fits ? bytes : encode(truncated(answer));
  }
}

/** Bytes of a UDP answer that a client can take (RFC 6891, section 6.2.5). */
function payloadOf({ additionals = [] }: Packet): number {
  const options = additionals.find(({ type }) => type === 'OPT') as { udpPayloadSize?: number } | undefined;
  return Math.max(512, options?.udpPayloadSize ?? 512);
}

const truncated = (answer: Packet): Packet => ({
  ...answer,
  flags: (answer.flags ?? 0) | TRUNCATED_RESPONSE,
  answers: [],
  authorities: [],
});
