/** The region's bucket for the client's hashed files. */

import type * as s3 from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import { paths } from '../../contract/http.ts';
import type { Placement } from '../placement.ts';
import { allowCloudFront } from './cloudfront-access.ts';
import { privateBucket } from './private-bucket.ts';

export class AssetsBucket extends Construct {
  readonly bucket: s3.Bucket;

  constructor(scope: Construct, id: string, placement: Placement) {
    super(scope, id);
    this.bucket = privateBucket(this, 'Resource', {
      placement,
      bucketName: placement.names.assetsBucket(placement.region),
    });
    allowCloudFront(this.bucket, placement, paths.assets);
  }
}
