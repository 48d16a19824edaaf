/** The region's bucket for access logs of buckets, load balancers and CloudFront, and for flow logs. */

import { Duration } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as s3 from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import type { Placement } from '../placement.ts';
import { acknowledge } from './acknowledge.ts';
import { privateBucket } from './private-bucket.ts';

/** AWS services that write here, each under its own prefix. The flow log brings its own statement. */
const writers = (account: string) => [
  { objects: 's3/*', principal: 'logging.s3.amazonaws.com', account },
  // The load balancer's log service, in every region (ELB user guide, "Enable access logs"); the account is in the key.
  { objects: `alb/AWSLogs/${account}/*`, principal: 'logdelivery.elasticloadbalancing.amazonaws.com' },
  { objects: 'cdn/*', principal: 'delivery.logs.amazonaws.com', account },
];

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
    for (const writer of writers(environment.account)) {
      this.bucket.addToResourcePolicy(
        new iam.PolicyStatement({
          actions: ['s3:PutObject'],
          principals: [new iam.ServicePrincipal(writer.principal)],
          resources: [this.bucket.arnForObjects(writer.objects)],
          // The sources are in stacks that come later: the account is the bound, not one ARN.
          ...(writer.account && { conditions: { StringEquals: { 'aws:SourceAccount': writer.account } } }),
        }),
      );
    }
    acknowledge(this, {
      S1: 'This bucket holds the access logs of the others; logging it into itself would never end.',
    });
  }
}
