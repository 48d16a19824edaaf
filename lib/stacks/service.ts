/** What a region runs: migration, web service behind its entry, jobs, invalidation between regions. */

import { Stack } from 'aws-cdk-lib';
import type * as ec2 from 'aws-cdk-lib/aws-ec2';
import type * as elbv2 from 'aws-cdk-lib/aws-elasticloadbalancingv2';
import * as targets from 'aws-cdk-lib/aws-route53-targets';
import type { Construct } from 'constructs';
import { databaseUsers } from '../../contract/variables.ts';
import type { Bundles } from '../bundle.ts';
import { Alias } from '../constructs/alias.ts';
import type { Cache } from '../constructs/cache.ts';
import type { Database } from '../constructs/database.ts';
import { hostedZone } from '../constructs/hosted-zone.ts';
import { InternalEntry } from '../constructs/internal-entry.ts';
import { Invalidation } from '../constructs/invalidation.ts';
import { Jobs } from '../constructs/jobs.ts';
import { grantReadDrain, grantReadMedia, grantUpload } from '../constructs/media-access.ts';
import { Migration } from '../constructs/migration.ts';
import { PublicEntry } from '../constructs/public-entry.ts';
import { WebService } from '../constructs/web-service.ts';
import { otherRegions, type Placement, regionsOf } from '../placement.ts';
import type { Workload } from '../workload.ts';
import { stackProps } from './stack-props.ts';

export interface ServiceStackProps {
  readonly placement: Placement;
  readonly workload: Workload;
  readonly bundles: Bundles;
  readonly vpc: ec2.IVpc;
  readonly database: Database;
  readonly cache: Cache;
}

export class ServiceStack extends Stack {
  readonly loadBalancer: elbv2.IApplicationLoadBalancer;

  constructor(scope: Construct, id: string, props: ServiceStackProps) {
    const { placement, workload, bundles, vpc, database, cache } = props;
    super(scope, id, stackProps(id, placement, 'Service: web tasks, jobs, invalidation'));
    const { web } = workload;
    const { names, region } = placement;
    const stores = { ...database.variables, ...cache.variables, MEDIA_BUCKET: names.mediaBucket(region) };

    const migration = new Migration(this, 'Migration', { placement, code: bundles.migrate, vpc, database });

    const invalidation =
      otherRegions(placement).length > 0
        ? new Invalidation(this, 'Invalidation', { placement, code: bundles.invalidate, vpc, cache })
        : undefined;

    const jobs = new Jobs(this, 'Jobs', {
      placement,
      code: bundles.worker,
      vpc,
      variables: { ...stores, INVALIDATION_TOPIC_ARN: invalidation?.topicArn },
    });
    database.grantConnect(jobs.worker, databaseUsers.app);
    cache.grantConnect(jobs.worker);
    grantReadMedia(jobs.worker, placement);
    invalidation?.grantPublish(jobs.worker);

    const entry = new (names.dns ? PublicEntry : InternalEntry)(this, 'Entry', { placement, vpc, web });
    this.loadBalancer = entry.loadBalancer;
    const service = new WebService(this, 'Web', {
      placement,
      vpc,
      web,
      code: bundles.web,
      entry,
      variables: {
        ...stores,
        REGIONS: regionsOf(placement).join(','),
        JOB_QUEUE_URL: jobs.queueUrl,
        PORT: String(web.port),
      },
    });
    database.grantConnect(service, databaseUsers.app);
    cache.grantConnect(service);
    jobs.grantSubmit(service);
    grantUpload(service, placement);
    grantReadMedia(service, placement);
    grantReadDrain(service, placement);

    migration.executeBefore(service, jobs);
    if (names.dns) {
      new Alias(this, 'RegionalOrigin', {
        zone: hostedZone(this, placement),
        name: names.dns.regionalOrigin(region),
        target: new targets.LoadBalancerTarget(entry.loadBalancer, { evaluateTargetHealth: true }),
      });
    }
  }
}
