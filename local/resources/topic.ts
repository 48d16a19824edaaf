/** AWS::SNS::Topic: a topic of the region's fauxqs. */

import { arnOf, physicalName } from '../arn.ts';
import { sns } from '../aws-requests.ts';
import { type Fauxqs, fauxqsOf } from '../fauxqs.ts';
import type { Activity, Declared, ResourceModule, Site, Unit } from '../resource.ts';
import type { Subscription } from './subscription.ts';

export class Topic implements Activity {
  readonly #declared: Declared;
  readonly #site: Site;
  readonly #fauxqs: Fauxqs;

  constructor(declared: Declared, site: Site) {
    this.#declared = declared;
    this.#site = site;
    this.#fauxqs = fauxqsOf(site, declared.region);
  }

  async start(): Promise<void> {
    const endpoint = await this.#fauxqs.acquire(this.#user);
    await sns(endpoint, 'CreateTopic', { Name: physicalName(this.#declared, 'TopicName') });
    // Queues of other regions that were there before this topic came back.
    const { ref } = topic.identify(this.#declared, this.#site);
    const waiting = this.#site
      .all<Subscription>('AWS::SNS::Subscription')
      .filter(({ activity }) => activity.topicArn === ref);
    await Promise.all(waiting.map(({ activity }) => activity.connect()));
  }

  stop(): Promise<void> {
    return this.#fauxqs.release(this.#user);
  }

  units(): readonly Unit[] {
    return [this.#fauxqs.unit()];
  }

  /** Kills the region's topic service, which comes back by itself. */
  stopUnit(): Promise<void> {
    return this.#fauxqs.kill();
  }

  get #user(): string {
    return `${this.#declared.stack}/${this.#declared.logicalId}`;
  }
}

export const topic: ResourceModule<Topic> = {
  type: 'AWS::SNS::Topic',
  identify(declared, { account }) {
    const name = physicalName(declared, 'TopicName');
    const arn = arnOf('sns', declared.region, account, name);
    return { ref: arn, attributes: { TopicArn: arn, TopicName: name } };
  },
  run: (declared, site) => new Topic(declared, site),
};
