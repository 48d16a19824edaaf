/** One Route 53 record in the edge's process. The first one brings the name server, and the last one ends it. */

import { DnsServer } from '../dns/server.ts';
import { type Addresses, nameSystem } from '../name-system.ts';
import type { Part } from '../part.ts';
import { canonical, type RoutingRecord } from '../routing.ts';

export interface RecordConfig {
  readonly record: RoutingRecord;
  /** Virtual addresses of an alias target that is no record. */
  readonly addresses?: Addresses;
  /** Listed name under which an alias target says how healthy it is; absent when that is not evaluated. */
  readonly watch?: string;
  /** See `NameSystem.watch`. */
  readonly graceMs: number;
  /** Port of 127.0.0.1 where the records are answered. */
  readonly nameServerPort: number;
}

export const record: Part<RecordConfig> = async (config, { dial, emit }) => {
  const { record, addresses, watch, graceMs, nameServerPort } = config;
  const id = `${record.name} ${record.type} ${record.setIdentifier ?? ''}`;
  const remove = nameSystem.add(id, { ...record, name: canonical(record.name) });
  if (addresses && record.alias) nameSystem.setAddresses(record.alias.name, addresses);
  let unwatch = () => {};
  if (watch && record.alias) {
    const tell = (healthy: boolean) => emit(`target ${healthy ? 'healthy' : 'unhealthy'}`);
    unwatch = nameSystem.watch(record.alias.name, () => dial(watch), graceMs, tell);
  }
  const close = async () => {
    remove();
    unwatch();
    await release(nameServerPort);
  };
  try {
    await hold(nameServerPort);
  } catch (error) {
    await close();
    throw error;
  }
  return { close };
};

interface Held {
  readonly server: DnsServer;
  readonly opened: Promise<void>;
  users: number;
}

const held = new Map<number, Held>();

/** Waits until the server of a port answers; it stays while anybody holds it. */
async function hold(port: number): Promise<void> {
  let one = held.get(port);
  if (!one) {
    const server = new DnsServer(nameSystem, port);
    one = { server, opened: server.open(), users: 0 };
    held.set(port, one);
  }
  one.users += 1;
  await one.opened;
}

async function release(port: number): Promise<void> {
  const one = held.get(port);
  if (!one) return;
  one.users -= 1;
  if (one.users > 0) return;
  held.delete(port);
  await one.server.close();
}
