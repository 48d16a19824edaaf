/** What parts of the workload may do with media. */

import * as iam from 'aws-cdk-lib/aws-iam';
import { drainKey } from '../../contract/http.ts';
import { mediaKey } from '../../contract/media.ts';
import { otherRegions, type Placement, regionsOf } from '../placement.ts';
import { bucketArn, grantObjects } from './bucket-access.ts';
import type { Part } from './part.ts';

/** Lets a part read what was uploaded, in whichever region's bucket it lies. */
export function grantReadMedia(part: Part, placement: Placement): void {
  const { names } = placement;
  grantObjects(
    part,
    ['s3:GetObject'],
    regionsOf(placement).map((region) => `${bucketArn(names.mediaBucket(region))}/media/*`),
    'Objects are many: the grant is for those below the media prefix.',
  );
}

/** Lets a part sign uploads into this region's bucket. */
export function grantUpload(part: Part, placement: Placement): void {
  const { names, region } = placement;
  grantObjects(
    part,
    ['s3:PutObject'],
    [`${bucketArn(names.mediaBucket(region))}/${mediaKey(region, '*')}`],
    'Keys are made at run time: the grant is for this region’s own prefix.',
  );
}

/** Lets a part see which of the other regions are drained: objects in this region's bucket say so. */
export function grantReadDrain(part: Part, placement: Placement): void {
  const { names, region } = placement;
  const bucket = bucketArn(names.mediaBucket(region));
  const others = otherRegions(placement);
  if (others.length === 0) return;
  iam.Grant.addToPrincipal({
    grantee: part,
    actions: ['s3:GetObject'],
    resourceArns: others.map((other) => `${bucket}/${drainKey(other)}`),
  });
  // Without it a missing object answers 403, which could also mean a broken policy.
  part.grantPrincipal.addToPrincipalPolicy(
    new iam.PolicyStatement({
      actions: ['s3:ListBucket'],
      resources: [bucket],
      conditions: { StringLike: { 's3:prefix': others.map(drainKey) } },
    }),
  );
}
