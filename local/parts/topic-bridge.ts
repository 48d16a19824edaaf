/**
 * Delivers a topic's messages to a queue of another region, as SNS does: from a queue of the topic's own region
 * that is subscribed to it, at least once, for as long as the other region is away.
 */

import { setTimeout as delay } from 'node:timers/promises';
import { sns, sqs } from '../aws-requests.ts';
import type { Part, PartContext, RunningPart } from '../part.ts';

export interface TopicBridgeConfig {
  readonly topicArn: string;
  /** Queue of the topic's region that keeps what is on its way; `arn` names the same. */
  readonly via: { readonly name: string; readonly arn: string };
  /** Attributes of the subscription, as `RawMessageDelivery`. */
  readonly attributes: Readonly<Record<string, string>>;
  /** Address-book names of the services of the two regions. */
  readonly from: string;
  readonly to: string;
  readonly queueName: string;
}

interface Message {
  readonly MessageId: string;
  readonly ReceiptHandle: string;
  readonly Body: string;
  readonly MessageAttributes?: unknown;
}

/** A message that could not be delivered is tried again after this long, in seconds. */
const retrySeconds = 2;
const pollSeconds = 20;

export const topicBridge: Part<TopicBridgeConfig> = async (config, context) => {
  const bridge = new TopicBridge(config, context);
  await bridge.open();
  return bridge;
};

class TopicBridge implements RunningPart<TopicBridgeConfig> {
  readonly #config: TopicBridgeConfig;
  readonly #context: PartContext;
  readonly #closing = new AbortController();
  #polling: Promise<void> = Promise.resolve();

  constructor(config: TopicBridgeConfig, context: PartContext) {
    this.#config = config;
    this.#context = context;
  }

  /** Subscribes; what is published from now on arrives. While the topic's service is away this is left to later. */
  async open(): Promise<void> {
    const subscribed = await this.#subscribe();
    this.#polling = this.#poll(subscribed);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#polling;
  }

  async #subscribe(): Promise<boolean> {
    const { topicArn, via, attributes, from } = this.#config;
    try {
      const endpoint = this.#context.dial(from);
      await sqs(endpoint, 'CreateQueue', { QueueName: via.name });
      const entries = Object.entries(attributes).flatMap(([name, value], i) => [
        [`Attributes.entry.${i + 1}.key`, name],
        [`Attributes.entry.${i + 1}.value`, value],
      ]);
      const parameters = { TopicArn: topicArn, Protocol: 'sqs', Endpoint: via.arn };
      await sns(endpoint, 'Subscribe', { ...parameters, ...Object.fromEntries(entries) });
      return true;
    } catch (error) {
      this.#log(error);
      return false;
    }
  }

  /** Ends when the bridge closes: waits in long polls, and between failures. */
  async #poll(subscribed: boolean): Promise<void> {
    const { signal } = this.#closing;
    let ready = subscribed;
    while (!signal.aborted) {
      try {
        ready ||= await this.#subscribe();
        if (ready) await this.#deliver(signal);
        else await this.#rest();
      } catch (error) {
        if (signal.aborted) return;
        this.#log(error);
        await this.#rest();
      }
    }
  }

  async #deliver(signal: AbortSignal): Promise<void> {
    const { via, from, to, queueName } = this.#config;
    const { Messages = [] } = await sqs<{ Messages?: Message[] }>(
      this.#context.dial(from),
      'ReceiveMessage',
      {
        QueueUrl: `/${via.name}`,
        MaxNumberOfMessages: 10,
        WaitTimeSeconds: pollSeconds,
        VisibilityTimeout: retrySeconds,
        MessageAttributeNames: ['All'],
      },
      signal,
    );
    if (Messages.length === 0) return;
    const { Successful = [] } = await sqs<{ Successful?: { Id: string }[] }>(
      this.#context.dial(to),
      'SendMessageBatch',
      {
        QueueUrl: `/${queueName}`,
        Entries: Messages.map(({ Body, MessageAttributes }, i) => ({
          Id: String(i),
          MessageBody: Body,
          ...(MessageAttributes ? { MessageAttributes } : {}),
        })),
      },
    );
    if (Successful.length === 0) return;
    await sqs(this.#context.dial(from), 'DeleteMessageBatch', {
      QueueUrl: `/${via.name}`,
      Entries: Successful.map(({ Id }) => ({ Id, ReceiptHandle: Messages[Number(Id)]!.ReceiptHandle })),
    });
    this.#context.emit('delivered', { messages: Successful.length, to });
  }

  async #rest(): Promise<void> {
    await delay(1000 * retrySeconds, undefined, { signal: this.#closing.signal }).catch(() => {});
  }

  #log(error: unknown): void {
    this.#context.log(`${this.#config.topicArn} → ${this.#config.to}: ${(error as Error).message}`);
  }
}
