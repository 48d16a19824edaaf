/** What rings when a queue is not worked off: messages wait, messages are given up, its function fails or may not run. */

import { Duration } from 'aws-cdk-lib';
import type * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import type { Placement } from '../placement.ts';
import { Alarm, type AlarmProps } from './alarm.ts';
import type { Queue } from './queue.ts';

/**
 * Visibility timeouts that the oldest message may be old. SQS leaves a message out of the age once it was received
 * more than three times, so the attempts of a single bad message explain three of them and never four (SQS developer
 * guide, "Available CloudWatch metrics for Amazon SQS").
 */
const longestWaitTimeouts = 4;

export interface ConsumerAlarmsProps {
  readonly placement: Placement;
  /** First word of the alarms' names. */
  readonly name: string;
  readonly queue: Queue;
  readonly consumer: lambda.IFunction;
}

export class ConsumerAlarms extends Construct {
  constructor(scope: Construct, id: string, { placement, name, queue, consumer }: ConsumerAlarmsProps) {
    super(scope, id);
    const { region } = placement;
    const longestWaitSeconds = longestWaitTimeouts * queue.visibilityTimeoutSeconds;
    const minute = (statistic: string): cloudwatch.MetricOptions => ({
      period: Duration.minutes(1),
      statistic,
    });
    const alarm = (child: string, kind: string, rest: Omit<AlarmProps, 'placement' | 'name' | 'noData'>) =>
      new Alarm(this, child, {
        placement,
        name: `${name}-${kind}`,
        // SQS reports every queue that holds a message, Lambda every minute with a call: silence is rest.
        noData: 'good',
        ...rest,
      });
    alarm('Waiting', 'waiting', {
      sentence: `The oldest message of ${name} in ${region} has waited for more than ${longestWaitSeconds} seconds.`,
      metric: queue.queue.metricApproximateAgeOfOldestMessage(minute('Maximum')),
      threshold: longestWaitSeconds,
      periods: 3,
    });
    alarm('GivenUp', 'given-up', {
      sentence: `Messages of ${name} in ${region} were given up: they are in the dead-letter queue.`,
      metric: queue.deadLetterQueue.metricApproximateNumberOfMessagesVisible(minute('Maximum')),
      threshold: 1,
      periods: 1,
    });
    alarm('Failing', 'failing', {
      sentence: `The function of ${name} in ${region} ended with an error or ran out of time, three minutes in a row.`,
      metric: consumer.metricErrors(minute('Sum')),
      threshold: 1,
      periods: 3,
    });
    alarm('Throttled', 'throttled', {
      sentence: `The function of ${name} in ${region} was refused for lack of concurrency, three minutes in a row.`,
      metric: consumer.metricThrottles(minute('Sum')),
      threshold: 1,
      periods: 3,
    });
  }
}
