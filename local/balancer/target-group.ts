/**
 * A target group inside the load balancer: who is in it, who is healthy, whose turn it is, who is leaving.
 * After "Health checks for Application Load Balancer target groups", "Edit target group attributes" and "Routing
 * algorithms" (Elastic Load Balancing user guide).
 */

import { Agent, get } from 'node:http';
import type { Endpoint } from '../../contract/endpoint.ts';
import { anomalous, mitigatedWeight, Outcomes } from './anomalies.ts';

export interface HealthCheckConfig {
  readonly path: string;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly healthyThreshold: number;
  readonly unhealthyThreshold: number;
  /** Statuses that count as healthy, as `200` or `200-299,301`. */
  readonly matcher: string;
}

export interface TargetGroupConfig {
  readonly algorithm: 'round_robin' | 'least_outstanding_requests' | 'weighted_random';
  /** Gives targets that stand out by their failures less to do; with the algorithm `weighted_random`. @default false */
  readonly anomalyMitigation?: boolean;
  /** Time in which a target that has become healthy gets more and more; with `round_robin`. @default 0, all at once */
  readonly slowStartMs?: number;
  readonly deregistrationDelayMs: number;
  readonly healthCheck: HealthCheckConfig;
  readonly targets: readonly { readonly id: string; readonly endpoint: Endpoint }[];
}

export type TargetHealth = 'initial' | 'healthy' | 'unhealthy' | 'draining';

/**
 * A new target is asked this often until it answers once. Several balancer nodes check each target on AWS, and the
 * first check that passes puts it into service; here one node stands for them.
 */
const initialIntervalMs = 200;

export class Target {
  readonly id: string;
  readonly endpoint: Endpoint;
  /** Kept connections to it; they end with its last request when it is taken out. */
  readonly agent: Agent;
  health: TargetHealth = 'initial';
  /** How to cut each request that is under way. */
  readonly inFlight = new Set<() => void>();
  readonly outcomes = new Outcomes();
  /** `performance.now()` from which it gets more and more; undefined for one that has its whole share at once. */
  slowlyFrom: number | undefined;
  #successes = 0;
  #failures = 0;
  readonly #registeredAt = performance.now();
  #timer: NodeJS.Timeout | undefined;
  #check: HealthCheckConfig;
  readonly #changed: (target: Target) => void;
  readonly #idle = Promise.withResolvers<void>();

  constructor(
    { id, endpoint }: TargetGroupConfig['targets'][number],
    check: HealthCheckConfig,
    idleTimeoutMs: number,
    changed: (target: Target) => void,
  ) {
    this.id = id;
    this.endpoint = endpoint;
    this.agent = new Agent({ keepAlive: true, maxFreeSockets: 256, timeout: idleTimeoutMs });
    this.#check = check;
    this.#changed = changed;
    void this.#probe();
  }

  set check(check: HealthCheckConfig) {
    this.#check = check;
  }

  /** Counts a request until the returned function is called; `cut` ends it when draining has taken too long. */
  begin(cut: () => void): () => void {
    this.inFlight.add(cut);
    return () => {
      this.inFlight.delete(cut);
      if (this.health === 'draining' && this.inFlight.size === 0) this.#idle.resolve();
    };
  }

  /** No new requests; resolves when the last has ended, or was cut after the delay. */
  async drain(delayMs: number): Promise<void> {
    clearTimeout(this.#timer);
    this.health = 'draining';
    if (this.inFlight.size > 0) {
      const timer = setTimeout(() => {
        for (const cut of this.inFlight) cut();
        this.#idle.resolve();
      }, delayMs);
      await this.#idle.promise;
      clearTimeout(timer);
    }
    this.agent.destroy();
  }

  /** At once, with everything under way. */
  close(): void {
    clearTimeout(this.#timer);
    this.health = 'draining';
    this.agent.destroy();
  }

  async #probe(): Promise<void> {
    const started = performance.now();
    const passed = await probe(this.endpoint, this.#check);
    if (this.health === 'draining') return;
    this.#count(passed);
    const every = this.health === 'initial' ? initialIntervalMs : this.#check.intervalMs;
    this.#timer = setTimeout(() => this.#probe(), Math.max(0, every - (performance.now() - started)));
  }

  #count(passed: boolean): void {
    const { healthyThreshold, unhealthyThreshold, intervalMs } = this.#check;
    this.#successes = passed ? this.#successes + 1 : 0;
    this.#failures = passed ? 0 : this.#failures + 1;
    const before = this.health;
    if (before === 'initial') {
      const overdue = performance.now() - this.#registeredAt >= unhealthyThreshold * intervalMs;
      if (passed) this.health = 'healthy';
      else if (overdue) this.health = 'unhealthy';
    } else if (this.#successes >= healthyThreshold) this.health = 'healthy';
    else if (this.#failures >= unhealthyThreshold) this.health = 'unhealthy';
    if (this.health !== before) this.#changed(this);
  }
}

export class TargetGroup {
  readonly arn: string;
  #config: TargetGroupConfig;
  readonly #targets = new Map<string, Target>();
  readonly #leaving = new Map<string, Promise<void>>();
  readonly #idleTimeoutMs: number;
  readonly #changed: (target: Target) => void;
  #turn = 0;

  constructor(
    arn: string,
    config: TargetGroupConfig,
    idleTimeoutMs: number,
    changed: (target: Target) => void,
  ) {
    this.arn = arn;
    this.#idleTimeoutMs = idleTimeoutMs;
    this.#config = { ...config, targets: [] };
    this.#changed = (target) => {
      // Where no other target is healthy there is nobody to leave the rest to ("Slow start mode").
      const others = this.healthy.some((one) => one !== target);
      if (target.health === 'healthy') target.slowlyFrom = others ? performance.now() : undefined;
      changed(target);
    };
    this.update(config);
  }

  get targets(): readonly Target[] {
    return [...this.#targets.values()];
  }

  get healthy(): readonly Target[] {
    return this.targets.filter(({ health }) => health === 'healthy');
  }

  /** Takes targets in that are new and drains those that are gone. */
  update(config: TargetGroupConfig): void {
    this.#config = config;
    const wanted = new Map(config.targets.map((target) => [target.id, target]));
    for (const [id, target] of this.#targets) {
      target.check = config.healthCheck;
      if (wanted.has(id)) continue;
      this.#targets.delete(id);
      const left = target.drain(config.deregistrationDelayMs).then(() => {
        if (this.#leaving.get(id) === left) this.#leaving.delete(id);
      });
      this.#leaving.set(id, left);
      this.#changed(target);
    }
    for (const [id, target] of wanted) {
      if (this.#targets.has(id)) continue;
      this.#targets.set(id, new Target(target, config.healthCheck, this.#idleTimeoutMs, this.#changed));
    }
  }

  /** The target of the next request: of the healthy ones, and when there is none of all (fail open). */
  pick(random: () => number = Math.random): Target | undefined {
    const candidates = this.healthy.length > 0 ? this.healthy : this.targets;
    if (candidates.length === 0) return undefined;
    switch (this.#config.algorithm) {
      case 'least_outstanding_requests':
        return candidates.reduce((best, one) => (one.inFlight.size < best.inFlight.size ? one : best));
      case 'weighted_random': {
        const suspects = this.#config.anomalyMitigation ? anomalous(candidates) : undefined;
        return byWeight(candidates, random, (one) => (suspects?.has(one) ? mitigatedWeight : 1));
      }
      case 'round_robin': {
        const { slowStartMs = 0 } = this.#config;
        const now = performance.now();
        const share = ({ slowlyFrom = Number.NEGATIVE_INFINITY }: Target) =>
          slowStartMs === 0 ? 1 : Math.min(1, (now - slowlyFrom) / slowStartMs);
        return candidates.every((one) => share(one) === 1)
          ? candidates[this.#turn++ % candidates.length]
          : byWeight(candidates, random, share);
      }
    }
  }

  /** Resolves when a target that was taken out has no request left. */
  drained(id: string): Promise<void> {
    return this.#leaving.get(id) ?? Promise.resolve();
  }

  close(): void {
    for (const target of this.#targets.values()) target.close();
  }
}

function byWeight(
  candidates: readonly Target[],
  random: () => number,
  weightOf: (target: Target) => number,
): Target | undefined {
  const weights = candidates.map(weightOf);
  let left = random() * weights.reduce((sum, weight) => sum + weight, 0);
  const found = candidates.find((_, i) => {
    left -= weights[i]!;
    return left < 0;
  });
  // Fractions may not add up to the very end.
  return found ?? candidates.at(-1);
}

/** One health check over a connection of its own. */
function probe({ host, port }: Endpoint, check: HealthCheckConfig): Promise<boolean> {
  return new Promise((resolve) => {
    const headers = { host: `${host}:${port}`, 'user-agent': 'ELB-HealthChecker/2.0', connection: 'close' };
    const request = get({ host, port, path: check.path, agent: false, headers }, (answer) => {
      answer.resume();
      answer.once('end', () => resolve(statusMatches(check.matcher, answer.statusCode!)));
      answer.once('error', () => resolve(false));
    });
    request.setTimeout(check.timeoutMs, () => request.destroy(new Error('health check timed out')));
    request.once('error', () => resolve(false));
  });
}

/** Whether a status is in a matcher such as `200`, `200,202` or `200-299`. */
export function statusMatches(matcher: string, status: number): boolean {
  return matcher.split(',').some((part) => {
    const [low, high = low] = part.trim().split('-').map(Number);
    return status >= low! && status <= high!;
  });
}
