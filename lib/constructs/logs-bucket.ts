/** The region's bucket for access logs of buckets and load balancers, and for flow logs. */

import { Duration } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as s3 from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import type { Placement } from '../placement.ts';
import { acknowledge } from './acknowledge.ts';
import { privateBucket } from './private-bucket.ts';

/** AWS services that write logs here, each under its own prefix, and the action each needs. */
const writers = [
  { prefix: 's3', principal: 'logging.s3.amazonaws.com' },
  // The load balancer's log service, in every region (ELB user guide, "Enable access logs").
  { prefix: 'alb', principal: 'logdelivery.elasticloadbalancing.amazonaws.com' },
] as const;

export class LogsBucket extends Construct {
  readonly bucket: s3.Bucket;

  constructor(scope: Construct, id: string, placement: Placement) {
    super(scope, id);
    const { environment, names, region } = placement;
    this.bucket = privateBucket(this, 'Resource', {
      placement,
      bucketName: names.logsBucket(region),
      lifecycleRules: [{ expiration: Duration.days(environment.logDays) }],
      accessLogs: false,
    });
    for (const { prefix, principal } of writers) {
      this.bucket.addToResourcePolicy(
        new iam.PolicyStatement({
          actions: ['s3:PutObject'],
          principals: [new iam.ServicePrincipal(principal)],
          resources: [this.bucket.arnForObjects(`${prefix}/*`)],
          // The sources are in stacks that come later: the account is the bound, not one ARN.
          conditions: { StringEquals: { 'aws:SourceAccount': environment.account } },
        }),
      );
    }
    acknowledge(this, {
      S1: 'This bucket holds the access logs of the others; logging it into itself would never end.',
    });
  }
}
