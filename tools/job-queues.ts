/**
 * The job queues of an environment, where they are: in the local run, or on AWS. Which queues those are is read from
 * the templates: the one that the web tasks hand jobs to, and the one that its redrive policy names.
 */

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  type Message,
  PurgeQueueCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
  StartMessageMoveTaskCommand,
} from '@aws-sdk/client-sqs';
import { localCredentials } from '../contract/local.ts';
import type { WebVariables } from '../contract/variables.ts';
import { type Assembly, readAssembly, type TemplateResource } from '../local/assembly.ts';
import { ControlClient } from '../local/control-client.ts';
import { synthesize } from '../local/synthesize.ts';
import { project, stateRoot } from './verb.ts';

/** The web tasks' variable that names the queue. */
const variable = 'JOB_QUEUE_URL' satisfies keyof WebVariables;

/** Seconds that a message which is looked at stays hidden; 0 would not hide it from the next look. */
const peekSeconds = 5;

/** Seconds to wait for dead letters that are there by their number: what was just looked at is hidden that long. */
const waitSeconds = peekSeconds + 1;

/** Seconds that one move may take. */
const moveSeconds = 60;

/** Physical names of a region's queues. */
export interface QueueNames {
  readonly region: string;
  readonly queue: string;
  readonly deadLetters: string;
}

/** Numbers of messages, which SQS calls approximate. */
export interface Backlog {
  readonly waiting: number;
  readonly underWay: number;
  readonly givenUp: number;
}

export interface DeadLetter {
  readonly id: string;
  readonly body: string;
  /** ISO 8601 time at which it was sent. */
  readonly sentAt: string;
  /** Receives, looks at it included. */
  readonly receives: number;
}

/** How dead letters go back: `task` is SQS's own, which goes on when the command has ended. */
export type Move = 'task' | 'one by one';

/**
 * Every region's job queue by the templates.
 * @throws Error when the templates name none
 */
export function queueNames({ stacks }: Assembly): QueueNames[] {
  const found = stacks.flatMap(({ id, region, template: { Resources = {} } }) => {
    const urls = Object.values(Resources).flatMap(jobQueueReference);
    return urls.slice(0, 1).map((logicalId) => {
      const queue = Resources[logicalId]?.Properties;
      const policy = queue?.['RedrivePolicy'] as
        | { deadLetterTargetArn?: Record<string, string[]> }
        | undefined;
      const [deadLogicalId = ''] = policy?.deadLetterTargetArn?.['Fn::GetAtt'] ?? [];
      const names = [queue, Resources[deadLogicalId]?.Properties].map((one) => one?.['QueueName']);
      const [name, deadName] = names;
      if (typeof name !== 'string' || typeof deadName !== 'string') {
        throw new Error(`queue ${logicalId} of stack ${id} and its dead-letter queue have no QueueName`);
      }
      return { region, queue: name, deadLetters: deadName };
    });
  });
  if (found.length === 0) throw new Error(`no task of the templates has a variable ${variable} with a queue`);
  return found;
}

/** The queue that a task definition's containers name. */
function jobQueueReference({ Type, Properties }: TemplateResource): string[] {
  if (Type !== 'AWS::ECS::TaskDefinition') return [];
  const containers = Properties?.['ContainerDefinitions'] as {
    Environment?: { Name: string; Value: { Ref?: string } }[];
  }[];
  return containers
    .flatMap(({ Environment = [] }) => Environment)
    .flatMap(({ Name, Value }) => (Name === variable && Value.Ref !== undefined ? [Value.Ref] : []));
}

/** A region's job queue and its dead letters. */
export class JobQueue {
  readonly names: QueueNames;
  readonly #client: SQSClient;
  readonly #move: Move;

  constructor(client: SQSClient, names: QueueNames, move: Move) {
    this.#client = client;
    this.names = names;
    this.#move = move;
  }

  async backlog(): Promise<Backlog> {
    const [queue, dead] = await Promise.all([
      this.#counts(this.names.queue),
      this.#counts(this.names.deadLetters),
    ]);
    return { waiting: queue.visible, underWay: queue.hidden, givenUp: dead.visible + dead.hidden };
  }

  /** Up to so many dead letters, which are hidden for a few seconds by it. A job's own queue is never looked into. */
  async peek(most: number): Promise<DeadLetter[]> {
    const wanted = Math.min(most, (await this.backlog()).givenUp);
    const found = new Map<string, DeadLetter>();
    while (found.size < wanted) {
      const messages = await this.#receive(Math.min(10, wanted - found.size), peekSeconds);
      const before = found.size;
      for (const message of messages) found.set(message.MessageId!, deadLetter(message));
      if (found.size === before) break;
    }
    return [...found.values()];
  }

  /**
   * Sends dead letters back to their queue.
   * @returns how many went, or were there when a task began to move them
   */
  async redrive(perSecond: number): Promise<number> {
    const { givenUp } = await this.backlog();
    if (givenUp === 0) return 0;
    if (this.#move === 'one by one') return this.#moveOneByOne(givenUp, perSecond);
    const { deadLetters } = this.names;
    const { Attributes } = await this.#client.send(
      new GetQueueAttributesCommand({ QueueUrl: await this.#url(deadLetters), AttributeNames: ['QueueArn'] }),
    );
    await this.#client.send(
      new StartMessageMoveTaskCommand({
        SourceArn: Attributes?.['QueueArn'],
        MaxNumberOfMessagesPerSecond: perSecond,
      }),
    );
    return givenUp;
  }

  /** Deletes every dead letter. What waits in the queue was accepted and is never deleted. */
  async purge(): Promise<void> {
    await this.#client.send(new PurgeQueueCommand({ QueueUrl: await this.#url(this.names.deadLetters) }));
  }

  close(): void {
    this.#client.destroy();
  }

  /** Each is sent before it is deleted: an end in between repeats a job and loses none. */
  async #moveOneByOne(most: number, perSecond: number): Promise<number> {
    const [queue, dead] = await Promise.all([this.#url(this.names.queue), this.#url(this.names.deadLetters)]);
    let moved = 0;
    while (moved < most) {
      const messages = await this.#receive(Math.min(10, perSecond, most - moved), moveSeconds);
      if (messages.length === 0) break;
      for (const { Body, ReceiptHandle, Attributes, MessageAttributes } of messages) {
        const group = Attributes?.MessageGroupId;
        await this.#client.send(
          new SendMessageCommand({
            QueueUrl: queue,
            MessageBody: Body,
            ...(MessageAttributes && { MessageAttributes }),
            ...(group !== undefined && { MessageGroupId: group }),
          }),
        );
        await this.#client.send(new DeleteMessageCommand({ QueueUrl: dead, ReceiptHandle }));
      }
      moved += messages.length;
      if (moved < most) await sleep((messages.length / perSecond) * 1000);
    }
    return moved;
  }

  async #receive(most: number, visibilitySeconds: number): Promise<Message[]> {
    const { Messages = [] } = await this.#client.send(
      new ReceiveMessageCommand({
        QueueUrl: await this.#url(this.names.deadLetters),
        MaxNumberOfMessages: most,
        VisibilityTimeout: visibilitySeconds,
        WaitTimeSeconds: waitSeconds,
        MessageSystemAttributeNames: ['All'],
        MessageAttributeNames: ['All'],
      }),
    );
    return Messages;
  }

  async #counts(name: string): Promise<{ readonly visible: number; readonly hidden: number }> {
    const { Attributes = {} } = await this.#client.send(
      new GetQueueAttributesCommand({
        QueueUrl: await this.#url(name),
        AttributeNames: ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'],
      }),
    );
    return {
      visible: Number(Attributes['ApproximateNumberOfMessages']),
      hidden: Number(Attributes['ApproximateNumberOfMessagesNotVisible']),
    };
  }

  async #url(name: string): Promise<string> {
    const { QueueUrl } = await this.#client.send(new GetQueueUrlCommand({ QueueName: name }));
    return QueueUrl!;
  }
}

function deadLetter({ MessageId, Body = '', Attributes }: Message): DeadLetter {
  return {
    id: MessageId!,
    body: Body,
    sentAt: new Date(Number(Attributes?.SentTimestamp)).toISOString(),
    receives: Number(Attributes?.ApproximateReceiveCount),
  };
}

/**
 * The queues of the run that is here.
 * @throws Error when nothing runs, or another environment does
 */
export async function localQueues(environment: string, stateDir: string): Promise<JobQueue[]> {
  const state = await ControlClient.of(stateRoot(stateDir)).client.state();
  if (state.environment !== environment) {
    throw new Error(
      `got environment '${environment}', but what runs here is '${state.environment}': name that, or say --aws`,
    );
  }
  return queueNames(readAssembly(join(state.stateDir, 'cdk.out'))).map((names) => {
    const resource = state.resources.find(
      ({ type, region, describe }) =>
        type === 'AWS::SQS::Queue' && region === names.region && describe['name'] === names.queue,
    );
    if (!resource) throw new Error(`queue ${names.queue} of ${names.region} is not part of the run`);
    const endpoint = new URL(String(resource.describe['url'])).origin;
    const client = new SQSClient({
      region: names.region,
      endpoint,
      credentials: localCredentials,
      maxAttempts: 1,
    });
    // The local SQS knows no move tasks.
    return new JobQueue(client, names, 'one by one');
  });
}

/** The queues of the environment on AWS, with the shell's credentials. */
export async function awsQueues(environment: string): Promise<JobQueue[]> {
  const root = stateRoot();
  mkdirSync(root, { recursive: true });
  const outdir = mkdtempSync(join(root, 'jobs-'));
  try {
    await synthesize({ project, environment, outdir });
    return queueNames(readAssembly(outdir)).map(
      (names) => new JobQueue(new SQSClient({ region: names.region }), names, 'task'),
    );
  } finally {
    rmSync(outdir, { recursive: true, force: true });
  }
}
