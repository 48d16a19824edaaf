/**
 * Jobs of a region: the queue that accepts them and the function that does them. The queue is standard and fair: the
 * sender names whose job it is as MessageGroupId, so one owner's thousand pictures do not stand before all others'.
 * That is best effort: SQS sees a noisy group only above 10 % of what is in flight and from 30 messages on, so below
 * 30 = concurrency × batch it is weak (SQS developer guide, "Amazon SQS fair queues").
 */

import { Duration } from 'aws-cdk-lib';
import type * as ec2 from 'aws-cdk-lib/aws-ec2';
import type * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { SqsEventSource } from 'aws-cdk-lib/aws-lambda-event-sources';
import { Construct } from 'constructs';
import type { WorkerVariables } from '../../contract/variables.ts';
import type { Placement } from '../placement.ts';
import { ConsumerAlarms } from './consumer-alarms.ts';
import { Queue } from './queue.ts';
import { workloadFunction } from './workload-function.ts';

export interface JobsProps {
  readonly placement: Placement;
  /** Folder of the worker's code. */
  readonly code: string;
  readonly vpc: ec2.IVpc;
  readonly variables: WorkerVariables;
}

export class Jobs extends Construct {
  readonly worker: lambda.Function;
  readonly queueUrl: string;
  readonly #queue: Queue;

  constructor(scope: Construct, id: string, { placement, code, vpc, variables }: JobsProps) {
    super(scope, id);
    const { environment, names } = placement;
    const settings = environment.worker;
    this.#queue = new Queue(this, 'Queue', {
      queueName: names.jobQueue,
      deadLetterQueueName: names.deadLetterQueue,
      visibilityTimeoutSeconds: settings.visibilityTimeoutSeconds,
      maxReceives: settings.maxReceives,
    });
    this.queueUrl = this.#queue.queue.queueUrl;
    this.worker = workloadFunction(this, 'Worker', {
      placement,
      description: 'Does the jobs of the queue',
      functionName: names.workerFunction,
      code,
      variables,
      timeoutSeconds: settings.functionTimeoutSeconds,
      memoryMiB: settings.memoryMiB,
      vpc,
    });
    this.worker.addEventSource(
      new SqsEventSource(this.#queue.queue, {
        batchSize: 10,
        maxBatchingWindow: Duration.seconds(1),
        maxConcurrency: settings.maxConcurrency,
        // One bad message does not send nine good ones back.
        reportBatchItemFailures: true,
        metricsConfig: { metrics: [lambda.MetricType.EVENT_COUNT] },
      }),
    );
    new ConsumerAlarms(this, 'Alarms', {
      placement,
      name: 'jobs',
      queue: this.#queue,
      consumer: this.worker,
    });
  }

  /** Lets a part hand in jobs. */
  grantSubmit(part: iam.IGrantable): void {
    this.#queue.queue.grantSendMessages(part);
  }
}
