/** Lets this region's invalidation queue hear the topics of the other regions. */

import { ArnFormat, Stack } from 'aws-cdk-lib';
import * as sns from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import { otherRegions, type Placement } from '../placement.ts';

export class Subscriptions extends Construct {
  constructor(scope: Construct, id: string, placement: Placement) {
    super(scope, id);
    const { names } = placement;
    const arnOf = (service: string, resource: string, region?: string) =>
      Stack.of(this).formatArn({ service, resource, region, arnFormat: ArnFormat.NO_RESOURCE_NAME });
    for (const other of otherRegions(placement)) {
      new sns.CfnSubscription(this, other, {
        topicArn: arnOf('sns', names.invalidationTopic, other),
        // The subscription is made where the topic is.
        region: other,
        protocol: 'sqs',
        endpoint: arnOf('sqs', names.invalidationQueue),
        rawMessageDelivery: true,
      });
    }
  }
}
