/**
 * Puts the client's files into the region's bucket at every deploy that changes them, and never deletes one: pages of
 * the last release are still open somewhere. The files are in the function's own zip.
 */

import { Duration } from 'aws-cdk-lib';
import type * as s3 from 'aws-cdk-lib/aws-s3';
import { Trigger } from 'aws-cdk-lib/triggers';
import { Construct } from 'constructs';
import { paths } from '../../contract/http.ts';
import type { PublishVariables } from '../../contract/variables.ts';
import type { Placement } from '../placement.ts';
import { bucketArn, grantObjects } from './bucket-access.ts';
import { workloadFunction } from './workload-function.ts';

const timeoutSeconds = 5 * 60;

export interface PublicationProps {
  readonly placement: Placement;
  /** Folder of the function's code, with the client's files. */
  readonly code: string;
  readonly bucket: s3.IBucket;
}

export class Publication extends Construct {
  constructor(scope: Construct, id: string, { placement, code, bucket }: PublicationProps) {
    super(scope, id);
    const variables: PublishVariables = { ASSETS_BUCKET: bucket.bucketName };
    const publish = workloadFunction(this, 'Function', {
      placement,
      description: 'Puts the client files into the bucket',
      code,
      variables,
      timeoutSeconds,
    });
    grantObjects(
      publish,
      ['s3:PutObject'],
      [`${bucketArn(placement.names.assetsBucket(placement.region))}${paths.assets}*`],
      'It puts the files of every release, under names that hold their hash.',
    );
    new Trigger(this, 'Trigger', {
      handler: publish,
      timeout: Duration.seconds(timeoutSeconds),
    });
  }
}
