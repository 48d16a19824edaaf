/** AWS::ElasticLoadBalancingV2::LoadBalancer: the part `load-balancer` in the region's host. */

import { arnOf, stableId } from '../arn.ts';
import type { Rule } from '../balancer/rules.ts';
import type { PartHandle } from '../host-client.ts';
import type { ListenerConfig, LoadBalancerConfig } from '../parts/load-balancer.ts';
import type { Activity, Declared, ResourceModule, Site, Unit } from '../resource.ts';
import { attributesOf } from './attributes.ts';
import type { TargetGroup } from './target-group.ts';

/** Address-book name of a load balancer; that of its watch port is `watchName` of its DNS name. */
const listing = ({ region, logicalId }: Declared) => `${region}/${logicalId}`;

/** Listed name under which a load balancer of that DNS name says how healthy it is. */
export const watchName = (dnsName: string): string => `watch.${dnsName}`;

export class LoadBalancer implements Activity {
  readonly #declared: Declared;
  readonly #site: Site;
  readonly #listeners = new Map<string, Omit<ListenerConfig, 'rules' | 'localPort'>>();
  readonly #rules = new Map<string, { readonly listener: string; readonly rule: Rule }>();
  readonly #groups = new Set<TargetGroup>();
  #handle: PartHandle<LoadBalancerConfig> | undefined;

  constructor(declared: Declared, site: Site) {
    this.#declared = declared;
    this.#site = site;
  }

  async start(): Promise<void> {
    const { region, logicalId } = this.#declared;
    this.#handle = await this.#site
      .host(region)
      .run<LoadBalancerConfig>('load-balancer', logicalId, this.#config());
  }

  async stop(): Promise<void> {
    const handle = this.#handle;
    this.#handle = undefined;
    await handle?.close();
  }

  units(): readonly Unit[] {
    return [...this.#listeners.values()].map(({ arn, port }) => ({
      id: String(port),
      state: this.#handle ? 'running' : 'stopped',
      address: `127.0.0.1:${this.#localPort(arn)}`,
    }));
  }

  setListener(listener: Omit<ListenerConfig, 'rules' | 'localPort'>): Promise<void> {
    this.#listeners.set(listener.arn, listener);
    return this.push();
  }

  removeListener(arn: string): Promise<void> {
    this.#listeners.delete(arn);
    return this.push();
  }

  setRule(arn: string, listener: string, rule: Rule): Promise<void> {
    this.#rules.set(arn, { listener, rule });
    return this.push();
  }

  removeRule(arn: string): Promise<void> {
    this.#rules.delete(arn);
    return this.push();
  }

  /** Lets an action of this balancer forward to a target group, and the group tell of its targets. */
  use(group: TargetGroup): void {
    this.#groups.add(group);
    group.attach(this);
  }

  /** Gives the running balancer what it is to do now; without effect while it is stopped. */
  async push(): Promise<void> {
    await this.#handle?.update(this.#config());
  }

  /** Resolves when a target that was taken out of a group has no request left, or the balancer is gone. */
  async drained(targetGroup: string, target: string): Promise<void> {
    await this.#handle?.call('drained', { targetGroup, target }).catch(() => undefined);
  }

  #config(): LoadBalancerConfig {
    const attributes = attributesOf(this.#declared, 'LoadBalancerAttributes');
    const { clock, book } = this.#site;
    return {
      watchPort: book.list(`${listing(this.#declared)}/watch`).port,
      // Guards running code, whose own timers (heartbeats) keep their pace whatever the clock's scale.
      idleTimeoutMs: 1000 * Number(attributes.get('idle_timeout.timeout_seconds') ?? 60),
      clientKeepAliveMs: clock.ms(Number(attributes.get('client_keep_alive.seconds') ?? 3600)),
      dropInvalidHeaders: attributes.get('routing.http.drop_invalid_header_fields.enabled') === 'true',
      listeners: [...this.#listeners.values()].map((listener) => ({
        ...listener,
        localPort: this.#localPort(listener.arn),
        rules: [...this.#rules.values()]
          .filter((one) => one.listener === listener.arn)
          .map(({ rule }) => rule),
      })),
      targetGroups: Object.fromEntries([...this.#groups].map((group) => [group.arn, group.config()])),
    };
  }

  /** The first listener has the balancer's own address, any other one beside it. */
  #localPort(arn: string): number {
    const [first] = this.#listeners.keys();
    const name = listing(this.#declared);
    const { port } = this.#listeners.get(arn)!;
    return this.#site.book.list(arn === first ? name : `${name}:${port}`).port;
  }
}

export const loadBalancer: ResourceModule<LoadBalancer> = {
  type: 'AWS::ElasticLoadBalancingV2::LoadBalancer',
  identify(declared, { book, account }) {
    const { region, stackName, logicalId } = declared;
    const hash = stableId(`${stackName}/${logicalId}`, 16);
    const internal = declared.resolve<string>('Scheme') === 'internal';
    const name = declared.resolve<string>('Name') ?? `${logicalId.slice(0, 14)}-${hash}`;
    const dnsName = `${internal ? 'internal-' : ''}${name}-${parseInt(hash.slice(0, 8), 16)}.${region}.elb.amazonaws.com`;
    const fullName = `app/${name}/${hash}`;
    const arn = arnOf('elasticloadbalancing', region, account, `loadbalancer/${fullName}`);
    book.list(listing(declared));
    book.list(`${listing(declared)}/watch`);
    for (const alias of [dnsName, `dualstack.${dnsName}`]) {
      book.alias(alias, listing(declared));
      book.alias(watchName(alias), `${listing(declared)}/watch`);
    }
    return {
      ref: arn,
      attributes: {
        DNSName: dnsName.toLowerCase(),
        // That of us-east-1; every region has its own on AWS, and nothing here looks at it.
        CanonicalHostedZoneID: 'Z35SXDOTRQ7X7K',
        LoadBalancerArn: arn,
        LoadBalancerFullName: fullName,
        LoadBalancerName: name,
      },
    };
  },
  run: (declared, site) => new LoadBalancer(declared, site),
};
