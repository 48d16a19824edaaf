/** Lets CloudFront read a bucket. */

import * as iam from 'aws-cdk-lib/aws-iam';
import type * as s3 from 'aws-cdk-lib/aws-s3';
import type { Placement } from '../placement.ts';

/**
 * Lets distributions of this account read the objects under a path.
 *
 * The bucket is made long before the distribution, whose id is not known yet; so the bound is the account, which
 * keeps other customers' distributions out (CloudFront developer guide, "Restricting access to an Amazon S3 origin").
 * @param path as in the URL, with both slashes: the whole path is the key
 */
export function allowCloudFront(bucket: s3.Bucket, { environment }: Placement, path: string): void {
  const conditions = {
    StringEquals: { 'aws:SourceAccount': environment.account },
    ArnLike: { 'aws:SourceArn': `arn:aws:cloudfront::${environment.account}:distribution/*` },
  };
  const principals = [new iam.ServicePrincipal('cloudfront.amazonaws.com')];
  bucket.addToResourcePolicy(
    new iam.PolicyStatement({
      actions: ['s3:GetObject'],
      principals,
      resources: [bucket.arnForObjects(`${path.slice(1)}*`)],
      conditions,
    }),
  );
  // With it an object that is not there answers 404; without it 403, which says nothing to a viewer.
  bucket.addToResourcePolicy(
    new iam.PolicyStatement({
      actions: ['s3:ListBucket'],
      principals,
      resources: [bucket.bucketArn],
      conditions,
    }),
  );
}
