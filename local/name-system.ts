/**
 * Route 53's data plane in the edge's process: the records of the templates, the state of health checks, and what
 * load balancers say of themselves. Parts write it, the name server (`local/dns`) answers from it. It needs nothing from the run once it has
 * its records, so traffic moves while everything else is down.
 */

import { get } from 'node:http';
import type { Endpoint } from '../contract/endpoint.ts';
import { type Answer, canonical, type Health, type RoutingRecord, resolve, type Viewer } from './routing.ts';

interface Watch {
  healthy: boolean;
  /** Each is told of every change. */
  readonly users: Set<(healthy: boolean) => void>;
  stop(): void;
}

/** Virtual addresses of a listener. */
export interface Addresses {
  readonly ipv4: string;
  readonly ipv6: string;
}

export class NameSystem implements Health {
  readonly #records = new Map<string, RoutingRecord>();
  readonly #addresses = new Map<string, Addresses>();
  readonly #checks = new Map<string, boolean>();
  readonly #checkListeners = new Set<() => void>();
  readonly #watches = new Map<string, Watch>();

  /** Keeps a record until the returned function is called; `id` is unique among records. */
  add(id: string, record: RoutingRecord): () => void {
    this.#records.set(id, record);
    return () => this.#records.delete(id);
  }

  /** Undefined when the templates have no such name for this viewer. @throws Error for a cycle of aliases */
  resolve(name: string, viewer: Viewer = {}, type = 'A'): Answer | undefined {
    return resolve([...this.#records.values()], this, name, viewer, type);
  }

  /** Notes where an alias target that is no record listens. */
  setAddresses(target: string, addresses: Addresses): void {
    this.#addresses.set(canonical(target), addresses);
  }

  addressesOf(target: string): Addresses | undefined {
    return this.#addresses.get(target);
  }

  /** The name that every record ends in, which is that of the hosted zone; undefined without records. */
  get zone(): string | undefined {
    let common: string[] | undefined;
    for (const { name } of this.#records.values()) {
      const labels = name.split('.').reverse();
      const end = (common ?? labels).findIndex((label, i) => label !== labels[i]);
      common = (common ?? labels).slice(0, end < 0 ? undefined : end);
    }
    return common?.length ? common.reverse().join('.') : undefined;
  }

  /** Whether any record has that name. */
  knows(name: string): boolean {
    const asked = canonical(name);
    return [...this.#records.values()].some((record) => record.name === asked);
  }

  setCheck(id: string, healthy: boolean): void {
    this.#checks.set(id, healthy);
    for (const tell of this.#checkListeners) tell();
  }

  dropCheck(id: string): void {
    this.#checks.delete(id);
  }

  /** Calls the listener whenever a check has a new state; returns how to end that. */
  listen(listener: () => void): () => void {
    this.#checkListeners.add(listener);
    return () => this.#checkListeners.delete(listener);
  }

  /** A check counts as healthy until there is data ("How Route 53 determines whether a health check is healthy"). */
  check(id: string): boolean {
    return this.#checks.get(id) ?? true;
  }

  target(name: string): boolean {
    return this.#watches.get(name)?.healthy ?? true;
  }

  /**
   * Follows what a load balancer says of its targets until the returned function is called. Good news counts at
   * once, bad news after `graceMs`: Route 53 hears of a balancer only every few seconds.
   * @param dial where the balancer's watch port is; may throw while it is not yet known
   * @param changed is told of every change
   */
  watch(
    name: string,
    dial: () => Endpoint,
    graceMs: number,
    changed: (healthy: boolean) => void = () => {},
  ): () => void {
    const key = canonical(name);
    const watch = this.#watches.get(key) ?? follow(dial, graceMs);
    const user = (healthy: boolean) => changed(healthy);
    watch.users.add(user);
    this.#watches.set(key, watch);
    return () => {
      watch.users.delete(user);
      if (watch.users.size > 0) return;
      watch.stop();
      this.#watches.delete(key);
    };
  }
}

/** The one of this process. */
export const nameSystem = new NameSystem();

/** Time between attempts to reach a balancer that is gone. */
const retryMs = 500;

function follow(dial: () => Endpoint, graceMs: number): Watch {
  let timer: NodeJS.Timeout | undefined;
  let worsening: NodeJS.Timeout | undefined;
  let stream: { destroy(): unknown } | undefined;
  let stopped = false;

  const watch: Watch = {
    healthy: true,
    users: new Set(),
    stop() {
      stopped = true;
      clearTimeout(timer);
      clearTimeout(worsening);
      stream?.destroy();
    },
  };
  const change = (healthy: boolean) => {
    if (watch.healthy === healthy) return;
    watch.healthy = healthy;
    for (const tell of watch.users) tell(healthy);
  };
  const learn = (healthy: boolean) => {
    if (healthy) {
      clearTimeout(worsening);
      worsening = undefined;
      change(true);
    } else if (watch.healthy && !worsening) {
      worsening = setTimeout(() => {
        worsening = undefined;
        change(false);
      }, graceMs);
    }
  };
  const lost = () => {
    if (stopped) return;
    learn(false);
    clearTimeout(timer);
    timer = setTimeout(connect, retryMs);
  };
  const connect = () => {
    let endpoint: Endpoint;
    try {
      endpoint = dial();
    } catch {
      return lost();
    }
    const request = get({ ...endpoint, agent: false }, (answer) => {
      answer.setEncoding('utf8');
      answer.on('data', (lines: string) => learn(lines.trimEnd().endsWith('true')));
      answer.once('error', () => undefined);
    });
    stream = request;
    request.on('error', () => undefined);
    request.once('close', lost);
  };
  connect();
  return watch;
}
