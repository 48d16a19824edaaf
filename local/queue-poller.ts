/** Reads a queue in batches, as Lambda's pollers do, with long polls that cost nothing while it is empty. */

import {
  DeleteMessageBatchCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  type Message,
  ReceiveMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';

export interface QueueOptions {
  /** Where the region's SQS answers. */
  readonly endpoint: string;
  readonly region: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  readonly queueName: string;
}

/** What SQS takes as the longest wait and the most messages of one call. */
const limits = { waitSeconds: 20, messages: 10 } as const;

export class QueuePoller {
  readonly #client: SQSClient;
  readonly #name: string;
  #url: string | undefined;

  constructor({ endpoint, region, credentials, queueName }: QueueOptions) {
    this.#client = new SQSClient({ endpoint, region, credentials, maxAttempts: 1 });
    this.#name = queueName;
  }

  /**
   * Waits for messages and gathers more for as long as the window lasts.
   * @returns an empty batch when none came within a long poll
   */
  async receive(batchSize: number, windowMs: number, signal: AbortSignal): Promise<Message[]> {
    const batch = await this.#poll(batchSize, limits.waitSeconds, signal);
    if (batch.length === 0) return batch;
    const until = performance.now() + windowMs;
    // SQS waits whole seconds: what is left below half a second is asked for without a wait.
    while (batch.length < batchSize && !signal.aborted) {
      const left = until - performance.now();
      if (left <= 0) break;
      const more = await this.#poll(batchSize - batch.length, Math.round(left / 1000), signal);
      if (more.length === 0 && left < 500) break;
      batch.push(...more);
    }
    return batch;
  }

  async delete(messages: readonly Message[]): Promise<void> {
    for (let at = 0; at < messages.length; at += limits.messages) {
      const entries = messages
        .slice(at, at + limits.messages)
        .map(({ MessageId, ReceiptHandle }) => ({ Id: MessageId!, ReceiptHandle: ReceiptHandle! }));
      await this.#client.send(
        new DeleteMessageBatchCommand({ QueueUrl: await this.#queueUrl(), Entries: entries }),
      );
    }
  }

  /** Whether no message is waiting, hidden or delayed. */
  async isEmpty(): Promise<boolean> {
    const names = [
      'ApproximateNumberOfMessages',
      'ApproximateNumberOfMessagesNotVisible',
      'ApproximateNumberOfMessagesDelayed',
    ] as const;
    const { Attributes = {} } = await this.#client.send(
      new GetQueueAttributesCommand({ QueueUrl: await this.#queueUrl(), AttributeNames: [...names] }),
    );
    return names.every((name) => Number(Attributes[name] ?? 0) === 0);
  }

  close(): void {
    this.#client.destroy();
  }

  async #poll(count: number, waitSeconds: number, signal: AbortSignal): Promise<Message[]> {
    const { Messages = [] } = await this.#client.send(
      new ReceiveMessageCommand({
        QueueUrl: await this.#queueUrl(),
        MaxNumberOfMessages: Math.min(limits.messages, count),
        WaitTimeSeconds: waitSeconds,
        MessageSystemAttributeNames: ['All'],
        MessageAttributeNames: ['All'],
      }),
      { abortSignal: signal },
    );
    return Messages;
  }

  async #queueUrl(): Promise<string> {
    if (this.#url === undefined) {
      const { QueueUrl } = await this.#client.send(new GetQueueUrlCommand({ QueueName: this.#name }));
      this.#url = QueueUrl!;
    }
    return this.#url;
  }
}
