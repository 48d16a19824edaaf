/**
 * Names to addresses as k6 does it: kept for as long as the option `dns.ttl` says, whatever the record's own TTL,
 * and asked for only when a connection is made (grafana/k6 #726, #1850).
 */

import { lookup, Resolver } from 'node:dns/promises';
import { isIP } from 'node:net';
import type { Dns } from './options.ts';

/** Where a virtual address listens on this machine: `198.18.0.5` → `127.0.0.1:40123`. */
export type Addresses = Readonly<Record<string, { readonly host: string; readonly port: number }>>;

export interface Target {
  readonly host: string;
  readonly port: number;
}

export class NameNotFound extends Error {}

export class NameResolver {
  readonly #dns: Dns;
  readonly #server: Resolver | undefined;
  readonly #addresses: Addresses;
  readonly #known = new Map<string, { readonly until: number; readonly addresses: readonly string[] }>();
  readonly #turns = new Map<string, number>();

  /**
   * @param server `host:port` to send DNS packets to; this machine's own way without it
   * @param addresses ports of virtual addresses
   */
  constructor(dns: Dns, server?: string, addresses: Addresses = {}) {
    this.#dns = dns;
    this.#addresses = addresses;
    if (server) {
      this.#server = new Resolver({ timeout: 2000, tries: 2 });
      this.#server.setServers([server]);
    }
  }

  /** @throws NameNotFound */
  async resolve(host: string, port: number): Promise<Target> {
    const name = host.replace(/^\[|\]$/g, '');
    const address = isIP(name) ? name : this.#select(name, await this.#lookUp(name));
    return this.#addresses[address] ?? { host: address, port };
  }

  async #lookUp(name: string): Promise<readonly string[]> {
    const known = this.#known.get(name);
    if (known && performance.now() < known.until) return known.addresses;
    const addresses = this.#prefer(await this.#ask(name));
    if (addresses.length === 0) throw new NameNotFound(`no address for ${name}`);
    this.#known.set(name, { until: performance.now() + this.#dns.ttlMs, addresses });
    return addresses;
  }

  async #ask(name: string): Promise<readonly string[]> {
    if (!this.#server || name === 'localhost') {
      const found = await lookup(name, { all: true }).catch(() => []);
      return found.map(({ address }) => address);
    }
    const none = (): string[] => [];
    const both = [this.#server.resolve4(name).catch(none), this.#server.resolve6(name).catch(none)];
    return (await Promise.all(both)).flat();
  }

  #prefer(addresses: readonly string[]): readonly string[] {
    const of = (version: number): string[] => addresses.filter((address) => isIP(address) === version);
    switch (this.#dns.policy) {
      case 'any':
        return addresses;
      case 'onlyIPv4':
        return of(4);
      case 'onlyIPv6':
        return of(6);
      case 'preferIPv4':
        return of(4).length > 0 ? of(4) : of(6);
      case 'preferIPv6':
        return of(6).length > 0 ? of(6) : of(4);
    }
  }

  #select(name: string, addresses: readonly string[]): string {
    const turn = this.#turns.get(name) ?? 0;
    this.#turns.set(name, turn + 1);
    switch (this.#dns.select) {
      case 'first':
        return addresses[0]!;
      case 'random':
        return addresses[Math.floor(Math.random() * addresses.length)]!;
      case 'roundRobin':
        return addresses[turn % addresses.length]!;
    }
  }
}
