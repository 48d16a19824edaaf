/**
 * CloudFront's proof towards the load balancers, one secret per revision. A secret's new value would update nothing,
 * so it is rotated by its name: raise `originSecretRevision`, deploy.
 */

import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import { Construct } from 'constructs';
import { otherRegions, type Placement } from '../placement.ts';
import { acknowledge } from './acknowledge.ts';

/** Where CloudFront's stack reads its secret. */
const edgeRegion = 'us-east-1';

export class OriginSecret extends Construct {
  constructor(scope: Construct, id: string, placement: Placement) {
    super(scope, id);
    const { names, region } = placement;
    const replicas = new Set([...otherRegions(placement), edgeRegion]);
    replicas.delete(region);
    for (const revision of revisions(placement, 3)) {
      new secretsmanager.Secret(this, `Revision${revision}`, {
        secretName: names.originSecret(revision),
        description: 'Header by which load balancers know CloudFront',
        // A header condition of a load balancer takes 128 characters and reads * and ? as wildcards.
        generateSecretString: { passwordLength: 48, excludePunctuation: true, includeSpace: false },
        replicaRegions: [...replicas].map((name) => ({ region: name })),
      });
    }
    acknowledge(this, {
      SMG4: 'Rotated by originSecretRevision: both sides read the value only when deployed.',
    });
  }
}

/**
 * The newest revisions, newest first: the distribution sends the first, load balancers accept two, three exist, so
 * that none is deleted while a load balancer still names it.
 */
export function revisions({ environment }: Placement, count: number): number[] {
  const newest = environment.originSecretRevision ?? 1;
  return Array.from({ length: count }, (_, i) => newest - i).filter((revision) => revision > 0);
}
