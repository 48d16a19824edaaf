/** A DNS server for tests: one answer to every question, which may change. */

import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterAll } from '@jest/globals';

const sockets = new Set<Socket>();

afterAll(() => {
  for (const socket of sockets) socket.close();
});

const typeA = 1;
const noError = 0x8180;
const noSuchName = 0x8183;

/**
 * Starts one that ends with the test file (RFC 1035, section 4). Records have a TTL of 0: whoever keeps them longer does
 * so by himself.
 * @param answer IPv4 address of every name at that moment; undefined when there is no such name
 * @returns `host:port`
 */
export async function nameServer(answer: () => string | undefined): Promise<string> {
  const socket = createSocket('udp4');
  sockets.add(socket);
  socket.on('message', (query, { address, port }) => {
    const end = query.indexOf(0, 12) + 5;
    const isA = query.readUInt16BE(end - 4) === typeA;
    const ip = isA ? answer() : undefined;
    const header = Buffer.from(query.subarray(0, 12));
    header.writeUInt16BE(isA && ip === undefined ? noSuchName : noError, 2);
    header.writeUInt16BE(ip ? 1 : 0, 6);
    header.writeUInt32BE(0, 8);
    // A pointer to the question's name, type, class, TTL, length, address.
    const record = ip ? [0xc0, 12, 0, typeA, 0, 1, 0, 0, 0, 0, 0, 4, ...ip.split('.').map(Number)] : [];
    socket.send(Buffer.concat([header, query.subarray(12, end), Buffer.from(record)]), port, address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return `127.0.0.1:${(socket.address() as AddressInfo).port}`;
}
