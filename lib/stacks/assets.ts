/** The client's files of a region. A release is in every region before any page names it. */

import { Stack } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import type { Bundles } from '../bundle.ts';
import { AssetsBucket } from '../constructs/assets-bucket.ts';
import { Publication } from '../constructs/publication.ts';
import type { Placement } from '../placement.ts';
import { stackProps } from './stack-props.ts';

export interface AssetsStackProps {
  readonly placement: Placement;
  readonly bundles: Bundles;
}

export class AssetsStack extends Stack {
  constructor(scope: Construct, id: string, { placement, bundles }: AssetsStackProps) {
    super(scope, id, stackProps(id, placement, 'Assets: hashed client files'));
    const { bucket } = new AssetsBucket(this, 'Assets', placement);
    new Publication(this, 'Publication', { placement, code: bundles.publish, bucket });
  }
}
