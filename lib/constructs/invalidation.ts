/**
 * Cache invalidation between regions: what this region publishes on its topic, the other regions' queues hear; what
 * they publish, this region's queue hears and the function carries into this region's cache.
 */

import { Duration, Stack } from 'aws-cdk-lib';
import type * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { SqsEventSource } from 'aws-cdk-lib/aws-lambda-event-sources';
import * as sns from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import type { InvalidateVariables } from '../../contract/variables.ts';
import { otherRegions, type Placement } from '../placement.ts';
import type { Cache } from './cache.ts';
import { ConsumerAlarms } from './consumer-alarms.ts';
import { Queue } from './queue.ts';
import { workloadFunction } from './workload-function.ts';

const functionTimeoutSeconds = 10;

export interface InvalidationProps {
  readonly placement: Placement;
  /** Folder of the function's code. */
  readonly code: string;
  readonly vpc: ec2.IVpc;
  readonly cache: Cache;
}

export class Invalidation extends Construct {
  readonly topicArn: string;
  readonly #topic: sns.Topic;

  constructor(scope: Construct, id: string, { placement, code, vpc, cache }: InvalidationProps) {
    super(scope, id);
    const { names } = placement;
    this.#topic = new sns.Topic(this, 'Topic', { topicName: names.invalidationTopic, enforceSSL: true });
    this.topicArn = this.#topic.topicArn;

    const messages = new Queue(this, 'Queue', {
      queueName: names.invalidationQueue,
      deadLetterQueueName: names.invalidationDeadLetterQueue,
      visibilityTimeoutSeconds: 6 * functionTimeoutSeconds,
      maxReceives: 5,
    });
    const { queue } = messages;
    // Topics of other regions cannot be met by reference, but their names are known.
    queue.addToResourcePolicy(
      new iam.PolicyStatement({
        actions: ['sqs:SendMessage'],
        principals: [new iam.ServicePrincipal('sns.amazonaws.com')],
        resources: [queue.queueArn],
        conditions: {
          ArnEquals: {
            'aws:SourceArn': otherRegions(placement).map((region) =>
              Stack.of(this).formatArn({ service: 'sns', region, resource: names.invalidationTopic }),
            ),
          },
        },
      }),
    );

    const variables: InvalidateVariables = cache.variables;
    const invalidate = workloadFunction(this, 'Function', {
      placement,
      description: 'Carries messages of the other regions into the cache',
      functionName: names.invalidateFunction,
      code,
      variables,
      timeoutSeconds: functionTimeoutSeconds,
      vpc,
    });
    cache.grantConnect(invalidate);
    invalidate.addEventSource(
      new SqsEventSource(queue, {
        batchSize: 10,
        maxBatchingWindow: Duration.seconds(0),
        reportBatchItemFailures: true,
        metricsConfig: { metrics: [lambda.MetricType.EVENT_COUNT] },
      }),
    );
    new ConsumerAlarms(this, 'Alarms', {
      placement,
      name: 'invalidation',
      queue: messages,
      consumer: invalidate,
    });
  }

  /** Lets a part tell the other regions what has changed. */
  grantPublish(part: iam.IGrantable): void {
    this.#topic.grantPublish(part);
  }
}
