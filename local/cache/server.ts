/**
 * A small cache for machines without Valkey or Redis: one node of a cluster that has all slots.
 * Arguments: port, eviction policy.
 */

import { createServer } from 'node:net';
import { Connection, type Shared } from './connection.ts';
import { type EvictionPolicy, Keyspace } from './keyspace.ts';
import { maxMemoryMiB } from './program.ts';

const [port, policy] = process.argv.slice(2) as [string, EvictionPolicy];
const shared: Shared = {
  port: Number(port),
  keyspace: new Keyspace(maxMemoryMiB * 1024 * 1024, policy),
  connections: new Set(),
};

createServer((socket) => new Connection(socket, shared)).listen(shared.port, '127.0.0.1');
