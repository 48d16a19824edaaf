/** Jobs of a region: the queue that accepts them and the function that does them. */

import { Duration } from 'aws-cdk-lib';
import type * as ec2 from 'aws-cdk-lib/aws-ec2';
import type * as iam from 'aws-cdk-lib/aws-iam';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import { SqsEventSource } from 'aws-cdk-lib/aws-lambda-event-sources';
import { Construct } from 'constructs';
import type { WorkerVariables } from '../../contract/variables.ts';
import type { Placement } from '../placement.ts';
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
      }),
    );
  }

  /** Lets a part hand in jobs. */
  grantSubmit(part: iam.IGrantable): void {
    this.#queue.queue.grantSendMessages(part);
  }
}
