/** AWS::ElasticLoadBalancingV2::TargetGroup: who is in it; the load balancer does the rest. */

import type { Endpoint } from '../../contract/endpoint.ts';
import { arnOf, stableId } from '../arn.ts';
import type { TargetGroupConfig, TargetHealth } from '../balancer/target-group.ts';
import type { Activity, Declared, ResourceModule, Site } from '../resource.ts';
import { attributesOf } from './attributes.ts';
import type { LoadBalancer } from './load-balancer.ts';

const algorithms = ['round_robin', 'least_outstanding_requests', 'weighted_random'] as const;

export class TargetGroup implements Activity {
  readonly arn: string;
  readonly #declared: Declared;
  readonly #site: Site;
  readonly #targets = new Map<string, { readonly endpoint: Endpoint; health: TargetHealth }>();
  readonly #balancers = new Set<LoadBalancer>();
  readonly #listeners = new Set<(target: string, health: TargetHealth) => void>();
  #unlisten: (() => void) | undefined;

  constructor(declared: Declared, site: Site, arn: string) {
    this.#declared = declared;
    this.#site = site;
    this.arn = arn;
  }

  async start(): Promise<void> {
    this.#unlisten ??= this.#site.events.listen(({ event, detail }) => {
      if (detail?.['targetGroup'] !== this.arn) return;
      if (event === 'healthy' || event === 'unhealthy') this.#learn(String(detail['target']), event);
    });
  }

  async stop(): Promise<void> {
    this.#unlisten?.();
    this.#unlisten = undefined;
  }

  describe(): Readonly<Record<string, unknown>> {
    return { targets: Object.fromEntries([...this.#targets].map(([id, { health }]) => [id, health])) };
  }

  attach(balancer: LoadBalancer): void {
    this.#balancers.add(balancer);
  }

  /** Puts a target in; it gets requests once a health check has passed. */
  async register(id: string, endpoint: Endpoint): Promise<void> {
    this.#targets.set(id, { endpoint, health: 'initial' });
    await this.#push();
  }

  /** Takes a target out: it gets no new requests. Safe for one that is not in it. */
  async deregister(id: string): Promise<void> {
    if (this.#targets.delete(id)) await this.#push();
  }

  /** Resolves when a target that was taken out has no request left; at most after the deregistration delay. */
  async drained(id: string): Promise<void> {
    await Promise.all([...this.#balancers].map((balancer) => balancer.drained(this.arn, id)));
  }

  health(id: string): TargetHealth | undefined {
    return this.#targets.get(id)?.health;
  }

  /** Calls the listener whenever a target turns healthy or unhealthy; returns how to end that. */
  listen(listener: (target: string, health: TargetHealth) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  config(): TargetGroupConfig {
    const declared = this.#declared;
    const { clock } = this.#site;
    const attributes = attributesOf(declared, 'TargetGroupAttributes');
    const algorithm = attributes.get('load_balancing.algorithm.type') ?? 'round_robin';
    const known = algorithms.find((one) => one === algorithm);
    if (!known) {
      throw new Error(
        `${declared.logicalId}: got algorithm '${algorithm}', expected ${algorithms.join(', ')}`,
      );
    }
    const number = (property: string, fallback: number) => Number(declared.resolve(property) ?? fallback);
    return {
      algorithm: known,
      anomalyMitigation: attributes.get('load_balancing.algorithm.anomaly_mitigation') === 'on',
      slowStartMs: clock.ms(Number(attributes.get('slow_start.duration_seconds') ?? 0)),
      deregistrationDelayMs: clock.ms(Number(attributes.get('deregistration_delay.timeout_seconds') ?? 300)),
      healthCheck: {
        path: declared.resolve<string>('HealthCheckPath') ?? '/',
        intervalMs: clock.ms(number('HealthCheckIntervalSeconds', 30)),
        // Guards running code, which is not faster because the clock is.
        timeoutMs: 1000 * number('HealthCheckTimeoutSeconds', 5),
        healthyThreshold: number('HealthyThresholdCount', 5),
        unhealthyThreshold: number('UnhealthyThresholdCount', 2),
        matcher: declared.resolve<string>('Matcher.HttpCode') ?? '200',
      },
      targets: [...this.#targets].map(([id, { endpoint }]) => ({ id, endpoint })),
    };
  }

  #learn(id: string, health: TargetHealth): void {
    const target = this.#targets.get(id);
    if (!target) return;
    target.health = health;
    for (const listener of this.#listeners) listener(id, health);
  }

  async #push(): Promise<void> {
    await Promise.all([...this.#balancers].map((balancer) => balancer.push()));
  }
}

export const targetGroup: ResourceModule<TargetGroup> = {
  type: 'AWS::ElasticLoadBalancingV2::TargetGroup',
  identify(declared, { account }) {
    const { region, stackName, logicalId } = declared;
    const hash = stableId(`${stackName}/${logicalId}`, 16);
    const name = declared.resolve<string>('Name') ?? `${logicalId.slice(0, 14)}-${hash}`;
    const fullName = `targetgroup/${name}/${hash}`;
    const arn = arnOf('elasticloadbalancing', region, account, fullName);
    return {
      ref: arn,
      attributes: { TargetGroupArn: arn, TargetGroupFullName: fullName, TargetGroupName: name },
    };
  },
  run: (declared, site) => new TargetGroup(declared, site, targetGroup.identify(declared, site).ref),
};
