/** What a region sends to and hears from every other region. */

import { Stack } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { Replication } from '../constructs/replication.ts';
import { Subscriptions } from '../constructs/subscriptions.ts';
import type { Placement } from '../placement.ts';
import { stackProps } from './stack-props.ts';

export class MeshStack extends Stack {
  constructor(scope: Construct, id: string, placement: Placement) {
    super(
      scope,
      id,
      stackProps(id, placement, 'Mesh: replication of uploads, subscriptions to the other regions'),
    );
    new Replication(this, 'Replication', placement);
    new Subscriptions(this, 'Subscriptions', placement);
  }
}
