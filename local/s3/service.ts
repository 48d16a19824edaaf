/** S3 of a region as its buckets share it: the store behind, the front before. */

import { join } from 'node:path';
import type { BucketConfig, S3FrontConfig } from '../parts/s3-front.ts';
import type { Site } from '../resource.ts';
import { distribution, edgeListings } from '../resources/distribution.ts';
import { perRegion, SharedPart } from '../shared.ts';
import { serviceName } from '../variables.ts';

/** What a resource says of a bucket. */
export type BucketContribution = { readonly bucket: string } & Partial<BucketConfig>;

/** The front of a region; buckets and replication rules contribute to it. */
export const s3FrontOf = perRegion(
  (site, region) =>
    new SharedPart<BucketContribution, S3FrontConfig>(site, region, 's3-front', (contributions) => {
      const buckets: Record<string, BucketConfig> = {};
      for (const { bucket, cors, replication } of contributions.values()) {
        const known = buckets[bucket] ?? { cors: [], replication: [] };
        buckets[bucket] = { cors: cors ?? known.cors, replication: replication ?? known.replication };
      }
      return {
        port: site.book.list(serviceName(region, 's3')).port,
        regions: site.regions,
        site: { port: site.book.list(edgeListings.https).port, names: siteNames(site) },
        journal: join(site.processes.dataDir(region, 's3'), 'to-replicate.jsonl'),
        buckets,
      };
    }),
);

/** Names under which the site is reached on AWS: those of its distributions. */
function siteNames(site: Site): string[] {
  return site
    .all('AWS::CloudFront::Distribution')
    .flatMap(({ declared }) => [
      ...(declared.resolve<string[]>('DistributionConfig.Aliases') ?? []),
      distribution.identify(declared, site).attributes['DomainName']!,
    ]);
}
