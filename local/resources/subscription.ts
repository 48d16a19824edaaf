/**
 * AWS::SNS::Subscription of a queue. Inside a region fauxqs delivers; between regions the part `topic-bridge` in
 * the host of the topic's region does, so that the loss of that region ends delivery as it would.
 */

import { arnOf, parseArn, stableId } from '../arn.ts';
import { sns } from '../aws-requests.ts';
import { fauxqsOf } from '../fauxqs.ts';
import type { PartHandle } from '../host-client.ts';
import type { TopicBridgeConfig } from '../parts/topic-bridge.ts';
import type { Activity, Declared, ResourceModule, Site } from '../resource.ts';
import { Turns } from '../shared.ts';
import { serviceName } from '../variables.ts';

export class Subscription implements Activity {
  readonly #declared: Declared;
  readonly #site: Site;
  readonly #turns = new Turns();
  #wanted = false;
  #bridge: PartHandle<TopicBridgeConfig> | undefined;

  constructor(declared: Declared, site: Site) {
    this.#declared = declared;
    this.#site = site;
  }

  get topicArn(): string {
    return this.#declared.require<string>('TopicArn');
  }

  async start(): Promise<void> {
    this.#wanted = true;
    await this.connect();
  }

  async stop(): Promise<void> {
    this.#wanted = false;
    await this.#turns.take(async () => {
      const bridge = this.#bridge;
      this.#bridge = undefined;
      // A region that is gone has taken the bridge with it.
      await bridge?.close().catch(() => {});
    });
  }

  describe(): Readonly<Record<string, unknown>> {
    return { from: this.topicArn, to: this.#queueArn };
  }

  /** Begins delivery if this is wanted; called again by the topic, which may have been away. */
  connect(): Promise<void> {
    return this.#turns.take(async () => {
      if (!this.#wanted || this.#bridge) return;
      const topic = parseArn(this.topicArn);
      const queue = parseArn(this.#queueArn);
      if (topic.region === queue.region) return this.#subscribe();
      const host = this.#site.host(topic.region);
      const id = `${queue.region}-${this.#declared.logicalId}`;
      try {
        this.#bridge = await host.run('topic-bridge', id, this.#bridgeConfig());
      } catch (error) {
        if (host.alive) throw error;
      }
    });
  }

  async #subscribe(): Promise<void> {
    const entries = Object.entries(this.#attributes()).flatMap(([name, value], i) => [
      [`Attributes.entry.${i + 1}.key`, name],
      [`Attributes.entry.${i + 1}.value`, value],
    ]);
    await sns(fauxqsOf(this.#site, this.#declared.region).endpoint, 'Subscribe', {
      TopicArn: this.topicArn,
      Protocol: 'sqs',
      Endpoint: this.#queueArn,
      ...Object.fromEntries(entries),
    });
  }

  #bridgeConfig(): TopicBridgeConfig {
    const [topic, queue] = [parseArn(this.topicArn), parseArn(this.#queueArn)];
    const via = `bridge-${queue.region}-${stableId(`${this.topicArn} ${this.#queueArn}`)}`;
    return {
      topicArn: this.topicArn,
      via: { name: via, arn: arnOf('sqs', topic.region, topic.account, via) },
      attributes: this.#attributes(),
      from: serviceName(topic.region, 'fauxqs'),
      to: serviceName(queue.region, 'fauxqs'),
      queueName: queue.resource,
    };
  }

  #attributes(): Record<string, string> {
    const filter = this.#declared.resolve<unknown>('FilterPolicy');
    const scope = this.#declared.resolve<string>('FilterPolicyScope');
    return {
      RawMessageDelivery: String(this.#declared.resolve('RawMessageDelivery') ?? false),
      ...(filter !== undefined && { FilterPolicy: JSON.stringify(filter) }),
      ...(scope !== undefined && { FilterPolicyScope: scope }),
    };
  }

  get #queueArn(): string {
    const protocol = this.#declared.require<string>('Protocol');
    if (protocol !== 'sqs') {
      const { stack, logicalId } = this.#declared;
      throw new Error(
        `${stack}/${logicalId}.Protocol: got '${protocol}', expected 'sqs', which is what runs here`,
      );
    }
    return this.#declared.require<string>('Endpoint');
  }
}

export const subscription: ResourceModule<Subscription> = {
  type: 'AWS::SNS::Subscription',
  identify(declared) {
    const arn = `${declared.require<string>('TopicArn')}:${stableId(`${declared.stack}/${declared.logicalId}`, 32)}`;
    return { ref: arn, attributes: { Arn: arn } };
  },
  run: (declared, site) => new Subscription(declared, site),
};
