/** The region's bucket for what people upload: presigned PUT from the page, reads through CloudFront only. */

import { Duration } from 'aws-cdk-lib';
import * as s3 from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import { paths } from '../../contract/http.ts';
import type { Placement } from '../placement.ts';
import { allowCloudFront } from './cloudfront-access.ts';
import { privateBucket } from './private-bucket.ts';

export class MediaBucket extends Construct {
  readonly bucket: s3.Bucket;

  constructor(scope: Construct, id: string, placement: Placement) {
    super(scope, id);
    const { names, region } = placement;
    this.bucket = privateBucket(this, 'Resource', {
      placement,
      bucketName: names.mediaBucket(region),
      // Replication wants versions.
      versioned: true,
      lifecycleRules: [{ noncurrentVersionExpiration: Duration.days(30), expiredObjectDeleteMarker: true }],
      cors: [
        {
          allowedMethods: [s3.HttpMethods.PUT],
          allowedOrigins: names.dns
            ? [`https://${names.dns.www}`, `https://${names.dns.apex}`]
            : ['https://*.cloudfront.net'],
          allowedHeaders: ['content-type', 'content-length', 'x-amz-*'],
          exposedHeaders: ['ETag', 'x-amz-checksum-sha256', 'x-amz-version-id'],
          maxAge: 3600,
        },
      ],
    });
    allowCloudFront(this.bucket, placement, paths.media);
  }
}
