/** What all buckets have in common: private, encrypted, TLS only, named in the account's own namespace. */

import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import * as s3 from 'aws-cdk-lib/aws-s3';
import type { Construct } from 'constructs';
import type { Placement } from '../placement.ts';

/** What one bucket may choose; the rest is guaranteed. */
export type PrivateBucketProps = Pick<s3.BucketProps, 'versioned' | 'cors' | 'lifecycleRules'> & {
  readonly placement: Placement;
  /** In the account-regional namespace: `<prefix>-<account>-<region>-an`. */
  readonly bucketName: string;
  /** Whether requests are logged in the region's logs bucket. @default true */
  readonly accessLogs?: boolean;
};

/** A bucket that outlives its stack where the environment is protected, and is emptied with it elsewhere. */
export function privateBucket(scope: Construct, id: string, props: PrivateBucketProps): s3.Bucket {
  const { placement, bucketName, accessLogs = true, lifecycleRules = [], ...options } = props;
  const { environment, names, region } = placement;
  const bucket = new s3.Bucket(scope, id, {
    ...options,
    bucketName,
    lifecycleRules: [{ abortIncompleteMultipartUploadAfter: Duration.days(1) }, ...lifecycleRules],
    // S3's own key: objects under a KMS key are not replicated by default, and load balancers cannot log to one.
    encryption: s3.BucketEncryption.S3_MANAGED,
    blockPublicAccess: s3.BlockPublicAccess.BLOCK_ALL,
    objectOwnership: s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
    enforceSSL: true,
    minimumTLSVersion: 1.2,
    ...(environment.protect
      ? { removalPolicy: RemovalPolicy.RETAIN }
      : { removalPolicy: RemovalPolicy.DESTROY, autoDeleteObjects: true }),
  });
  const cfn = bucket.node.defaultChild as s3.CfnBucket;
  // By name: that bucket's own stack lets the log service in, the L2 would want to.
  if (accessLogs) {
    cfn.loggingConfiguration = {
      destinationBucketName: names.logsBucket(region),
      logFilePrefix: `s3/${bucketName}/`,
    };
  }
  // A name in that namespace is refused without it; the L2 takes it only with a generated name (aws-cdk #38095).
  cfn.bucketNamespace = 'account-regional';
  return bucket;
}
