/** CloudFront's access logs, by standard logging v2, in the logs bucket of the primary region. */

import { Stack } from 'aws-cdk-lib';
import type * as cloudfront from 'aws-cdk-lib/aws-cloudfront';
import * as logs from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import type { Placement } from '../placement.ts';

export interface CdnLogsProps {
  readonly placement: Placement;
  readonly distribution: cloudfront.IDistribution;
}

export class CdnLogs extends Construct {
  constructor(scope: Construct, id: string, { placement, distribution }: CdnLogsProps) {
    super(scope, id);
    const { environment, names } = placement;
    const name = `${names.prefix}-cdn`;
    const source = new logs.CfnDeliverySource(this, 'Source', {
      name,
      logType: 'ACCESS_LOGS',
      resourceArn: Stack.of(this).formatArn({
        service: 'cloudfront',
        region: '',
        resource: 'distribution',
        resourceName: distribution.distributionId,
      }),
    });
    const destination = new logs.CfnDeliveryDestination(this, 'Destination', {
      name,
      deliveryDestinationType: 'S3',
      destinationResourceArn: `arn:aws:s3:::${names.logsBucket(environment.primary)}/cdn`,
      outputFormat: 'json',
    });
    const delivery = new logs.CfnDelivery(this, 'Resource', {
      deliverySourceName: source.name,
      deliveryDestinationArn: destination.attrArn,
    });
    delivery.addResourceDependency(source);
  }
}
