/**
 * The one address book. A DNS answer carries no port and macOS has only 127.0.0.1, so every listener has a stable
 * virtual address (IPv4 and IPv6, from the ranges reserved for benchmarks and documentation) that stands for a
 * port on loopback. Names, virtual addresses and ports outlive a restart.
 */

import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { Endpoint } from '../contract/endpoint.ts';

/** One listener. */
export interface Listing {
  /** As `eu-west-1/LoadBalancer`, or a DNS name that a template resolves to. */
  readonly name: string;
  readonly port: number;
  /** In 198.18.0.0/15 (RFC 2544). */
  readonly ipv4: string;
  /** In 2001:db8::/32 (RFC 3849). */
  readonly ipv6: string;
}

export class AddressBook {
  readonly #file: string;
  readonly #byName = new Map<string, Listing>();
  readonly #byAddress = new Map<string, Listing>();
  readonly #aliases = new Map<string, string>();
  readonly #ports = new Set<number>();
  readonly #listeners = new Set<() => void>();
  #spare: number[] = [];

  private constructor(file: string) {
    this.#file = file;
  }

  /**
   * Opens the book that a file keeps; ports that something else listens on by now are given up and chosen anew.
   * @param spare free ports to have in reserve, since `list` is synchronous
   */
  static async open(file: string, spare = 200): Promise<AddressBook> {
    const book = new AddressBook(file);
    const kept: Listing[] = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : [];
    const usable = await Promise.all(kept.map((listing) => isFree(listing.port)));
    book.#spare = await freePorts(spare);
    for (const [i, listing] of kept.entries()) {
      book.#add(usable[i] ? listing : { ...listing, port: book.#take() });
    }
    return book;
  }

  /** The listing of a name, made on first use. A given port is taken as it is. */
  list(name: string, port?: number): Listing {
    const known = this.#byName.get(name);
    if (known && (port === undefined || known.port === port)) return known;
    const n = known ? Number(known.ipv6.split('::')[1]) : this.#byName.size + 1;
    const listing: Listing = {
      name,
      port: port ?? this.#take(),
      ipv4: `198.18.${Math.floor(n / 250)}.${(n % 250) + 1}`,
      ipv6: `2001:db8::${n}`,
    };
    this.#add(listing);
    this.#save();
    this.#changed();
    return listing;
  }

  /** Lets another name stand for a listed one, as a load balancer's DNS name. */
  alias(alias: string, name: string): void {
    this.#aliases.set(alias.toLowerCase(), name);
    this.#changed();
  }

  /** Calls the listener after every change; returns how to end that. */
  listen(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Where a name, alias or virtual address listens. Throws for one that the book does not know. */
  dial(nameOrAddress: string): Endpoint {
    const listing = this.find(nameOrAddress);
    if (!listing) throw new Error(`nothing is listed under '${nameOrAddress}'`);
    return { host: '127.0.0.1', port: listing.port };
  }

  /** Name, alias or address → listing, as plain JSON for a host process. */
  snapshot(): Record<string, Endpoint> {
    const names = [...this.#byName.keys(), ...this.#byAddress.keys(), ...this.#aliases.keys()];
    return Object.fromEntries(names.map((name) => [name, this.dial(name)]));
  }

  /** The listing behind a name, alias or virtual address. */
  find(nameOrAddress: string): Listing | undefined {
    const key = nameOrAddress.toLowerCase();
    const alias = this.#aliases.get(key);
    return this.#byName.get(alias ?? nameOrAddress) ?? this.#byAddress.get(key);
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }

  #add(listing: Listing): void {
    this.#byName.set(listing.name, listing);
    this.#byAddress.set(listing.ipv4, listing);
    this.#byAddress.set(listing.ipv6, listing);
    this.#ports.add(listing.port);
  }

  #take(): number {
    for (;;) {
      const port = this.#spare.pop();
      if (port === undefined) throw new Error('no spare port left: raise the reserve in AddressBook.open');
      if (!this.#ports.has(port)) return port;
    }
  }

  #save(): void {
    writeFileSync(`${this.#file}.new`, JSON.stringify([...this.#byName.values()], null, 2));
    renameSync(`${this.#file}.new`, this.#file);
  }
}

/** Whether a port of 127.0.0.1 can be listened on. */
export function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

/** Ports that the system gave away as free, all at once so that none comes twice. */
async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, () => {
      const server = createServer();
      return new Promise<typeof server>((resolve, reject) => {
        server.once('error', reject);
        server.listen(0, '127.0.0.1', () => resolve(server));
      });
    }),
  );
  const found = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return found;
}
