/** The name server of the local run, with the records of the environment `local`, over UDP and TCP. */

import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { DnsServer } from '../../local/dns/server.ts';
import { NameSystem } from '../../local/name-system.ts';
import type { RoutingRecord } from '../../local/routing.ts';
import { subject } from './listen.ts';

const names = new NameSystem();
// Read by the benchmark from the templates and handed over as JSON.
const records: RoutingRecord[] = JSON.parse(process.argv[2]!);
for (const [i, record] of records.entries()) {
  names.add(String(i), record);
  if (record.alias) names.setAddresses(record.alias.name, { ipv4: '198.18.0.1', ipv6: '2001:db8::1' });
}
const probe = createServer();
await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
const { port } = probe.address() as AddressInfo;
await new Promise((resolve) => probe.close(resolve));
await new DnsServer(names, port).open();
subject(port);
