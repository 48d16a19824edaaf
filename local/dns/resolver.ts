/**
 * The resolver of the edge: asks the name server by real packets where a viewer's network gets a name, and keeps an
 * answer as long as its TTL says.
 */

import { randomInt } from 'node:crypto';
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { connect } from 'node:net';
import { type DecodedPacket, decode, encode, RECURSION_DESIRED, TRUNCATED_RESPONSE } from 'dns-packet';
import type { Viewer } from '../routing.ts';
import { type Subnet, subnetOf } from './places.ts';
import { codes, edns } from './zone.ts';

export interface ResolverOptions {
  /** Of the name server on 127.0.0.1. */
  readonly port: number;
  /** Milliseconds that a second of TTL lasts by the run's clock. */
  readonly secondMs: number;
}

/** What a name stands for; no address for a name of somebody else's zone. */
interface Resolved {
  readonly address: string | undefined;
  /** `performance.now()` until which it holds. */
  readonly until: number;
}

/** Milliseconds that the server has for an answer, and how often it is asked. */
const patience = { timeoutMs: 1_000, attempts: 3 } as const;

/** Seconds after which a zone that the server did not have is asked for again. */
const refusedTtl = 5;

/** Names times networks; the oldest goes first. */
const maxKept = 2_000;

export class Resolver {
  readonly #options: ResolverOptions;
  readonly #kept = new Map<string, Resolved>();
  readonly #asking = new Map<string, Promise<Resolved>>();
  readonly #waiting = new Map<number, (answer: DecodedPacket) => void>();
  #socket: UdpSocket | undefined;

  constructor(options: ResolverOptions) {
    this.#options = options;
  }

  /**
   * The address that a viewer gets for a name.
   * @returns undefined for a name outside the server's zone
   * @throws Error when the name has no address, or the server does not answer
   */
  async address(name: string, viewer: Viewer): Promise<string | undefined> {
    const subnet = subnetOf(viewer);
    const key = `${name} ${subnet?.address ?? ''}`;
    const known = this.#kept.get(key);
    if (known && known.until > performance.now()) return known.address;
    let asking = this.#asking.get(key);
    if (!asking) {
      asking = this.#ask(name, subnet).finally(() => this.#asking.delete(key));
      this.#asking.set(key, asking);
    }
    const resolved = await asking;
    this.#keep(key, resolved);
    return resolved.address;
  }

  close(): void {
    this.#socket?.close();
    this.#socket = undefined;
  }

  #keep(key: string, resolved: Resolved): void {
    this.#kept.delete(key);
    this.#kept.set(key, resolved);
    if (this.#kept.size > maxKept) this.#kept.delete(this.#kept.keys().next().value!);
  }

  async #ask(name: string, subnet: Subnet | undefined): Promise<Resolved> {
    for (let attempt = 1; ; attempt++) {
      const answer = await this.#exchange(name, subnet).catch((error: Error) => error);
      if (!(answer instanceof Error)) return this.#read(name, answer);
      if (attempt === patience.attempts) throw new Error(`asking for ${name}: ${answer.message}`);
    }
  }

  #read(name: string, answer: DecodedPacket): Resolved {
    const until = (seconds: number) => performance.now() + seconds * this.#options.secondMs;
    const code = (answer.flags ?? 0) & 15;
    if (code === codes.refused) return { address: undefined, until: until(refusedTtl) };
    for (const record of answer.answers ?? []) {
      if (record.type === 'A') return { address: record.data, until: until(record.ttl ?? 0) };
    }
    throw new Error(`${name} has no address (answer code ${code})`);
  }

  async #exchange(name: string, subnet: Subnet | undefined): Promise<DecodedPacket> {
    const id = this.#freeId();
    const query = encode({
      type: 'query',
      id,
      flags: RECURSION_DESIRED,
      questions: [{ type: 'A', name, class: 'IN' }],
      additionals: [
        edns(subnet && [{ code: 8, ip: subnet.address, sourcePrefixLength: subnet.prefixLength }]),
      ],
    });
    const answer = await this.#overUdp(id, query, name);
    const truncated = ((answer.flags ?? 0) & TRUNCATED_RESPONSE) !== 0;
    return truncated ? overTcp(query, this.#options.port) : answer;
  }

  #overUdp(id: number, query: Buffer, name: string): Promise<DecodedPacket> {
    return new Promise((resolve, reject) => {
      const end = (finish: () => void) => {
        clearTimeout(timer);
        this.#waiting.delete(id);
        finish();
      };
      const fail = (reason: string) => end(() => reject(new Error(reason)));
      const timer = setTimeout(() => fail('no answer in time'), patience.timeoutMs);
      this.#waiting.set(id, (answer) => {
        if (answer.questions?.[0]?.name === name) end(() => resolve(answer));
      });
      this.#open().send(query, this.#options.port, '127.0.0.1', (error) => error && fail(error.message));
    });
  }

  #open(): UdpSocket {
    if (this.#socket) return this.#socket;
    const socket = createSocket('udp4');
    socket.on('message', (message, { port, address }) => {
      if (port !== this.#options.port || address !== '127.0.0.1') return;
      try {
        const answer = decode(message);
        this.#waiting.get(answer.id ?? -1)?.(answer);
      } catch {
        // Not DNS: whoever waits goes on waiting.
      }
    });
    socket.on('error', () => undefined);
    socket.unref();
    this.#socket = socket;
    return socket;
  }

  #freeId(): number {
    for (;;) {
      const id = randomInt(65_536);
      if (!this.#waiting.has(id)) return id;
    }
  }
}

/** The same question by TCP, for an answer that does not fit a datagram. */
function overTcp(query: Buffer, port: number): Promise<DecodedPacket> {
  return new Promise((resolve, reject) => {
    const length = Buffer.alloc(2);
    length.writeUInt16BE(query.length);
    const socket = connect(port, '127.0.0.1', () => socket.write(Buffer.concat([length, query])));
    let heard = Buffer.alloc(0);
    socket.setTimeout(patience.timeoutMs, () => socket.destroy(new Error('no answer in time')));
    socket.on('data', (chunk) => {
      heard = Buffer.concat([heard, chunk]);
      if (heard.length < 2 || heard.length < 2 + heard.readUInt16BE(0)) return;
      try {
        resolve(decode(heard.subarray(2)));
      } catch (error) {
        reject(error as Error);
      }
      socket.destroy();
    });
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('the connection ended without an answer')));
  });
}
