/** What a region keeps: key, database, cache, media; in the primary region the secrets that all share. */

import { RemovalPolicy, Stack } from 'aws-cdk-lib';
import type * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as kms from 'aws-cdk-lib/aws-kms';
import type * as s3 from 'aws-cdk-lib/aws-s3';
import type { Construct } from 'constructs';
import { Cache } from '../constructs/cache.ts';
import { Database } from '../constructs/database.ts';
import { MediaBucket } from '../constructs/media-bucket.ts';
import { OriginSecret } from '../constructs/origin-secret.ts';
import { inPrimary, type Placement } from '../placement.ts';
import { stackProps } from './stack-props.ts';

export interface DataStackProps {
  readonly placement: Placement;
  readonly vpc: ec2.IVpc;
}

export class DataStack extends Stack {
  readonly database: Database;
  readonly cache: Cache;
  readonly media: s3.IBucket;

  constructor(scope: Construct, id: string, { placement, vpc }: DataStackProps) {
    const { environment, names } = placement;
    super(scope, id, {
      ...stackProps(id, placement, 'Data: Aurora, Valkey, media'),
      terminationProtection: environment.protect,
    });
    const key = new kms.Key(this, 'Key', {
      description: `${names.prefix}: database and cache`,
      enableKeyRotation: true,
      // Without its key a database is lost for good.
      removalPolicy: environment.protect ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
    });
    this.database = new Database(this, 'Database', { placement, vpc, key });
    this.cache = new Cache(this, 'Cache', { placement, vpc, key });
    this.media = new MediaBucket(this, 'Media', placement).bucket;
    if (inPrimary(placement) && environment.domain) new OriginSecret(this, 'OriginSecret', placement);
  }
}
