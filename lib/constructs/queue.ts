/** A queue with its dead-letter queue: there is none without. */

import { Duration, Stack } from 'aws-cdk-lib';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { acknowledge } from './acknowledge.ts';

export interface QueueProps {
  readonly queueName: string;
  readonly deadLetterQueueName: string;
  /** At least six times the consumer's timeout (Lambda developer guide, "Using Lambda with Amazon SQS"). */
  readonly visibilityTimeoutSeconds: number;
  /** Receives before a message is given up. */
  readonly maxReceives: number;
}

export class Queue extends Construct {
  readonly queue: sqs.Queue;
  readonly deadLetterQueue: sqs.Queue;
  readonly visibilityTimeoutSeconds: number;

  constructor(scope: Construct, id: string, props: QueueProps) {
    super(scope, id);
    const { visibilityTimeoutSeconds } = props;
    this.visibilityTimeoutSeconds = visibilityTimeoutSeconds;
    const common = { encryption: sqs.QueueEncryption.SQS_MANAGED, enforceSSL: true };
    // By name: the two queues cannot both refer to each other.
    const arn = Stack.of(this).formatArn({ service: 'sqs', resource: props.queueName });
    this.deadLetterQueue = new sqs.Queue(this, 'DeadLetters', {
      ...common,
      queueName: props.deadLetterQueueName,
      // The longest there is: someone has to look.
      retentionPeriod: Duration.days(14),
      // No other queue drops its dead letters here.
      redriveAllowPolicy: { sourceQueues: [sqs.Queue.fromQueueArn(this, 'Source', arn)] },
    });
    this.queue = new sqs.Queue(this, 'Resource', {
      ...common,
      queueName: props.queueName,
      visibilityTimeout: Duration.seconds(visibilityTimeoutSeconds),
      retentionPeriod: Duration.days(4),
      receiveMessageWaitTime: Duration.seconds(20),
      deadLetterQueue: { queue: this.deadLetterQueue, maxReceiveCount: props.maxReceives },
    });
    acknowledge(this.deadLetterQueue, { SQS3: 'This is the dead-letter queue.' });
  }
}
