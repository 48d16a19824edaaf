/** The one kind of alarm: it says in a sentence what is wrong, and where to read what to do. */

import { Stack } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import { Construct } from 'constructs';
import type { Placement } from '../placement.ts';

export interface AlarmProps {
  readonly placement: Placement;
  /** Last part of the alarm's name, and the heading of its section in docs/runbook.md: lower case with hyphens. */
  readonly name: string;
  /** What is wrong when it rings. */
  readonly sentence: string;
  readonly metric: cloudwatch.IMetric;
  /** Rings at this value or above. */
  readonly threshold: number;
  /** Periods of the metric in a row. */
  readonly periods: number;
  /** What no data means, chosen for each metric: many are not reported at all while nothing happens. */
  readonly noData: 'good' | 'bad';
}

export class Alarm extends Construct {
  /** Its physical name, which is no reference to the resource. */
  readonly alarmName: string;

  constructor(scope: Construct, id: string, props: AlarmProps) {
    super(scope, id);
    const { placement, name, sentence, metric, threshold, periods, noData } = props;
    const { region } = Stack.of(this);
    const alarmName = `${placement.names.prefix}-${name}`;
    this.alarmName = alarmName;
    new cloudwatch.Alarm(this, 'Resource', {
      alarmName,
      alarmDescription: [
        sentence,
        `What to do: docs/runbook.md#${name}`,
        `Console: https://${region}.console.aws.amazon.com/cloudwatch/home?region=${region}#alarmsV2:alarm/${alarmName}`,
      ].join('\n'),
      metric,
      threshold,
      evaluationPeriods: periods,
      comparisonOperator: cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      treatMissingData:
        noData === 'good' ? cloudwatch.TreatMissingData.NOT_BREACHING : cloudwatch.TreatMissingData.BREACHING,
    });
  }
}
