/**
 * AWS::Lambda::EventSourceMapping of an SQS queue: takes batches and hands them to the function, several at a time.
 * A message is deleted when it was processed; any other comes back when its visibility timeout is over, which is
 * never shortened. After "How Lambda processes records from Amazon SQS" (AWS Lambda developer guide).
 */

import { setTimeout as sleep } from 'node:timers/promises';
import type { Message } from '@aws-sdk/client-sqs';
import { localCredentials } from '../../contract/local.ts';
import { parseArn, stableId } from '../arn.ts';
import { processed } from '../batch-failures.ts';
import { QueuePoller } from '../queue-poller.ts';
import type { Activity, Declared, ResourceModule, Site } from '../resource.ts';
import { sqsEvent } from '../sqs-event.ts';
import type { Invokable } from './lambda-function.ts';

/** Batches at a time without a setting: what Lambda starts with. */
const defaultConcurrency = 5;

/** How long a stop waits for batches under way, milliseconds. */
const longestFinishMs = 2_000;

/** Pause after the queue could not be reached, milliseconds. */
const retryMs = 1_000;

interface Settings {
  readonly queueArn: string;
  readonly batchSize: number;
  readonly windowMs: number;
  readonly concurrency: number;
  readonly reportsFailures: boolean;
  readonly target: () => Invokable;
}

class EventSourceMapping implements Activity {
  readonly #declared: Declared;
  readonly #site: Site;
  readonly #inFlight = new Set<Promise<void>>();
  #poller: QueuePoller | undefined;
  #stopping: AbortController | undefined;
  #abandoning: AbortController | undefined;
  #polling: Promise<void> = Promise.resolve();
  #idle = true;

  constructor(declared: Declared, site: Site) {
    this.#declared = declared;
    this.#site = site;
  }

  async start(): Promise<void> {
    const settings = this.#settings();
    const { region, service, resource } = parseArn(settings.queueArn);
    if (service !== 'sqs') {
      throw new Error(`got event source ${settings.queueArn}, expected the ARN of an SQS queue`);
    }
    const poller = new QueuePoller({
      endpoint: this.#site.localVariables(region)['AWS_ENDPOINT_URL_SQS']!,
      region,
      credentials: localCredentials,
      queueName: resource,
    });
    this.#poller = poller;
    this.#stopping = new AbortController();
    this.#abandoning = new AbortController();
    this.#polling = this.#poll(poller, settings, this.#stopping.signal, this.#abandoning.signal);
  }

  /**
   * Takes no more messages and lets batches under way finish, for a moment. What is not done then is given up:
   * nothing of it is deleted, so its messages come again.
   */
  async stop(): Promise<void> {
    this.#stopping?.abort();
    await this.#polling;
    const late = sleep(longestFinishMs, undefined, { signal: this.#abandoning?.signal, ref: false });
    await Promise.race([Promise.all(this.#inFlight), late.catch(() => undefined)]);
    this.#abandoning?.abort();
    this.#poller?.close();
  }

  describe(): Readonly<Record<string, unknown>> {
    return { batchesUnderWay: this.#inFlight.size };
  }

  async #poll(
    poller: QueuePoller,
    settings: Settings,
    stopping: AbortSignal,
    abandoned: AbortSignal,
  ): Promise<void> {
    const stopped = once(stopping);
    while (!stopping.aborted) {
      try {
        if (this.#inFlight.size >= settings.concurrency) {
          await Promise.race([...this.#inFlight, stopped]);
          continue;
        }
        const messages = await this.#receive(poller, settings, stopping);
        if (messages.length === 0) {
          await this.#tellWhenEmpty(poller, abandoned);
          continue;
        }
        this.#idle = false;
        const batch = this.#process(poller, settings, messages, abandoned).finally(() => {
          this.#inFlight.delete(batch);
        });
        this.#inFlight.add(batch);
        void batch.then(() => this.#tellWhenEmpty(poller, abandoned));
      } catch {
        // The region's SQS is away: it is a process that may be stopped and started.
        await sleep(retryMs, undefined, { signal: stopping }).catch(() => undefined);
      }
    }
  }

  /** Pollers belong to the region: while its host is gone nothing is taken. */
  async #receive(poller: QueuePoller, settings: Settings, signal: AbortSignal): Promise<Message[]> {
    if (!this.#site.host(this.#declared.region).alive) throw new Error('the region is down');
    return poller.receive(settings.batchSize, settings.windowMs, signal);
  }

  /** One batch from the event to the deletion; never rejects. */
  async #process(
    poller: QueuePoller,
    settings: Settings,
    messages: readonly Message[],
    abandoned: AbortSignal,
  ): Promise<void> {
    const { queueArn, reportsFailures } = settings;
    const result = await settings.target().invoke(sqsEvent(messages, queueArn, this.#declared.region));
    if (abandoned.aborted) return;
    const ids = messages.map(({ MessageId }) => MessageId!);
    const done = !result.ok ? [] : reportsFailures ? processed(result.value, ids) : ids;
    await poller.delete(messages.filter(({ MessageId }) => done.includes(MessageId!))).catch(() => undefined);
    const detail = {
      messages: ids.length,
      failed: ids.length - done.length,
      ...(!result.ok && { error: `${result.error.errorType}: ${result.error.errorMessage}` }),
    };
    this.#emit(result.ok ? 'batch done' : 'batch failed', detail);
    // A function that is at its limit is asked again a little later, not at once.
    if (!result.ok && result.error.errorType === 'TooManyRequestsException') {
      await sleep(retryMs, undefined, { signal: abandoned }).catch(() => undefined);
    }
  }

  async #tellWhenEmpty(poller: QueuePoller, abandoned: AbortSignal): Promise<void> {
    if (this.#idle || this.#inFlight.size > 0 || abandoned.aborted) return;
    const empty = await poller.isEmpty().catch(() => false);
    if (!empty || this.#idle || this.#inFlight.size > 0 || abandoned.aborted) return;
    this.#idle = true;
    this.#emit('queue empty');
  }

  #emit(event: string, detail?: Readonly<Record<string, unknown>>): void {
    this.#site.events.emit(this.#declared.region, this.#declared.logicalId, event, detail);
  }

  #settings(): Settings {
    const declared = this.#declared;
    const functionName = declared.require<string>('FunctionName');
    return {
      queueArn: declared.require<string>('EventSourceArn'),
      batchSize: Number(declared.resolve('BatchSize') ?? 10),
      windowMs: this.#site.clock.ms(Number(declared.resolve('MaximumBatchingWindowInSeconds') ?? 0)),
      concurrency: Number(declared.resolve('ScalingConfig.MaximumConcurrency') ?? defaultConcurrency),
      reportsFailures: (declared.resolve<string[]>('FunctionResponseTypes') ?? []).includes(
        'ReportBatchItemFailures',
      ),
      target: () => this.#site.peer<Invokable>(functionName),
    };
  }
}

const once = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });

export const eventSourceMapping: ResourceModule = {
  type: 'AWS::Lambda::EventSourceMapping',
  identify(declared) {
    const id = stableId(`${declared.stackName}/${declared.logicalId}`, 32);
    return { ref: id, attributes: { Id: id } };
  },
  run: (declared, site) => new EventSourceMapping(declared, site),
};
