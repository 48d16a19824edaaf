/** AWS::SQS::Queue: a queue of the region's fauxqs with the template's attributes. */

import { arnOf, physicalName } from '../arn.ts';
import { sqs } from '../aws-requests.ts';
import { type Fauxqs, fauxqsOf } from '../fauxqs.ts';
import type { Activity, Declared, Naming, ResourceModule, Site, Unit } from '../resource.ts';
import { serviceName } from '../variables.ts';

/** Attributes in seconds that the run's clock divides. */
const scaled = ['VisibilityTimeout', 'DelaySeconds'] as const;
/** Attributes taken as they are: how long a message is kept has no place in a run's pace. */
const plain = ['MessageRetentionPeriod', 'MaximumMessageSize', 'ReceiveMessageWaitTimeSeconds'] as const;
const fifo = ['ContentBasedDeduplication'] as const;

export class Queue implements Activity {
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
    const { QueueUrl } = await sqs<{ QueueUrl: string }>(endpoint, 'CreateQueue', {
      QueueName: physicalName(this.#declared, 'QueueName'),
      // The rest may change from start to start, and CreateQueue refuses a difference.
      Attributes: this.#text(['FifoQueue']),
    });
    await sqs(endpoint, 'SetQueueAttributes', { QueueUrl, Attributes: this.#attributes() });
  }

  stop(): Promise<void> {
    return this.#fauxqs.release(this.#user);
  }

  units(): readonly Unit[] {
    return [this.#fauxqs.unit()];
  }

  describe(): Readonly<Record<string, unknown>> {
    const name = physicalName(this.#declared, 'QueueName');
    return { name, url: queueUrl(this.#declared, this.#site) };
  }

  /** Kills the region's queue service, which comes back by itself. */
  stopUnit(): Promise<void> {
    return this.#fauxqs.kill();
  }

  get #user(): string {
    return `${this.#declared.stack}/${this.#declared.logicalId}`;
  }

  #attributes(): Record<string, string> {
    const { clock } = this.#site;
    const seconds = scaled.flatMap((name) => {
      const value = this.#declared.resolve<number | string>(name);
      return value === undefined ? [] : [[name, String(clock.wholeSeconds(Number(value)))]];
    });
    const redrive = this.#declared.resolve<Record<string, unknown>>('RedrivePolicy');
    return {
      ...this.#text([...plain, ...fifo]),
      ...Object.fromEntries(seconds),
      // Empty takes away what an earlier start has set.
      RedrivePolicy: redrive
        ? JSON.stringify({ ...redrive, maxReceiveCount: Number(redrive['maxReceiveCount']) })
        : '',
    };
  }

  #text(names: readonly string[]): Record<string, string> {
    return Object.fromEntries(
      names.flatMap((name) => {
        const value = this.#declared.resolve<unknown>(name);
        return value === undefined ? [] : [[name, String(value)]];
      }),
    );
  }
}

function queueUrl(declared: Declared, { book, account }: Naming): string {
  const { port } = book.list(serviceName(declared.region, 'fauxqs'));
  return `http://127.0.0.1:${port}/${account}/${physicalName(declared, 'QueueName')}`;
}

export const queue: ResourceModule<Queue> = {
  type: 'AWS::SQS::Queue',
  identify(declared, naming) {
    const { account } = naming;
    const name = physicalName(declared, 'QueueName');
    const url = queueUrl(declared, naming);
    return {
      ref: url,
      attributes: { Arn: arnOf('sqs', declared.region, account, name), QueueName: name, QueueUrl: url },
    };
  },
  run: (declared, site) => new Queue(declared, site),
};
