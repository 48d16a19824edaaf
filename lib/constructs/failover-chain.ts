/**
 * The failover chain of a home region: level k is a pair whose primary is the k-th nearest region and whose secondary
 * is the next level; the last pair's secondary is the last region. With every region unhealthy the home answers.
 */

import * as route53 from 'aws-cdk-lib/aws-route53';
import { Construct } from 'constructs';
import { failoverChain } from '../../config/geography.ts';
import type { Placement } from '../placement.ts';
import { Alias, recordOf } from './alias.ts';

export interface FailoverChainProps {
  readonly placement: Placement;
  readonly zone: route53.IHostedZone;
  /** The region that answers while it is healthy. */
  readonly home: string;
  /** Health of every region. */
  readonly health: ReadonlyMap<string, route53.IHealthCheck>;
}

export class FailoverChain extends Construct {
  /** Name by which other records point to the chain. */
  readonly entryName: string;

  constructor(scope: Construct, id: string, { placement, zone, home, health }: FailoverChainProps) {
    super(scope, id);
    const { environment, names } = placement;
    const dns = names.dns!;
    const order = failoverChain(environment, home);
    const levels = order.length - 1;
    let below: Construct | undefined;
    // Bottom-up: Route 53 refuses an alias to a record that does not exist yet.
    for (let level = levels; level > 0; level--) {
      const isLast = level === levels;
      const nearest = order[level - 1]!;
      const last = order[level]!;
      const pair = new Construct(this, `Level${level}`);
      const name = dns.chain(home, level);
      new Alias(pair, 'Primary', {
        zone,
        name,
        setIdentifier: 'primary',
        failover: route53.Failover.PRIMARY,
        healthCheck: health.get(nearest),
        target: recordOf(zone, dns.regionalOrigin(nearest)),
      });
      new Alias(pair, 'Secondary', {
        zone,
        name,
        setIdentifier: 'secondary',
        failover: route53.Failover.SECONDARY,
        // A level below brings its own health; a region needs its check, or it would answer even when unhealthy.
        healthCheck: isLast ? health.get(last) : undefined,
        target: recordOf(zone, isLast ? dns.regionalOrigin(last) : dns.chain(home, level + 1)),
      });
      if (below) pair.node.addDependency(below);
      below = pair;
    }
    // With one region there is no one to take over, and no chain.
    this.entryName = levels > 0 ? dns.chain(home, 1) : dns.regionalOrigin(home);
  }
}
