/**
 * Every name that another stack or region needs, as pure functions of the environment. Names are how regions
 * refer to each other: nothing crosses a region by reference.
 */

import type { ResolvedEnvironment } from '../config/validate.ts';

const app = 'meridian';

/** Names of everything that one environment owns. */
export type Names = ReturnType<typeof namesOf>;

/** The names of an environment. */
export function namesOf(environment: ResolvedEnvironment) {
  const { account, domain } = environment;
  const prefix = `${app}-${environment.name}`;
  // S3 account-regional namespace: nobody else can own `<prefix>-<account>-<region>-an`.
  const bucket = (kind: string) => (region: string) => `${prefix}-${kind}-${account}-${region}-an`;
  return {
    prefix,
    stack: (id: string) => `${prefix}-${id}`,
    mediaBucket: bucket('media'),
    assetsBucket: bucket('assets'),
    logsBucket: bucket('logs'),
    globalCluster: prefix,
    databaseName: app,
    /** Unique over all regions, as members of a global cluster must be. */
    databaseCluster: (region: string) => `${prefix}-${region}`,
    /** Ends in no hyphen with six letters after it: Secrets Manager would take those for the suffix of an ARN. */
    masterSecret: `${prefix}-database-master-user`,
    originSecret: (revision: number) => `${prefix}-origin-${revision}`,
    cache: `${prefix}-cache`,
    jobQueue: `${prefix}-jobs`,
    deadLetterQueue: `${prefix}-jobs-dead`,
    invalidationTopic: `${prefix}-invalidation`,
    invalidationQueue: `${prefix}-invalidation`,
    invalidationDeadLetterQueue: `${prefix}-invalidation-dead`,
    migrateFunction: `${prefix}-migrate`,
    workerFunction: `${prefix}-worker`,
    invalidateFunction: `${prefix}-invalidate`,
    dns: domain && {
      apex: domain.name,
      www: `www.${domain.name}`,
      /** What CloudFront asks for: geolocation records. */
      origin: `origin.${domain.name}`,
      /** A region's own name: a simple alias to its load balancer. */
      regionalOrigin: (region: string) => `${region}.origin.${domain.name}`,
      /** Level k (from 1) of a home region's failover chain. */
      chain: (home: string, level: number) => `${home}-${level}.geo.${domain.name}`,
    },
  };
}
