/**
 * THE MAP: every stack of an environment, in the order in which they are deployed, and what each is given.
 *
 *     network ─┬─ data ───┐
 *              └─ assets ─┴─ service ─── mesh            in every region
 *                               └─────── routing ─ edge  once, in us-east-1
 */

import { Construct } from 'constructs';
import type { ResolvedEnvironment } from '../config/validate.ts';
import type { Bundles } from './bundle.ts';
import { namesOf } from './names.ts';
import type { Placement } from './placement.ts';
import { AssetsStack } from './stacks/assets.ts';
import { DataStack } from './stacks/data.ts';
import { EdgeStack } from './stacks/edge.ts';
import { MeshStack } from './stacks/mesh.ts';
import { NetworkStack } from './stacks/network.ts';
import { RoutingStack } from './stacks/routing.ts';
import { ServiceStack } from './stacks/service.ts';
import type { Workload } from './workload.ts';

/** CloudFront takes its certificate and firewall from here, and Route 53's health metrics are here. */
const globalRegion = 'us-east-1';

export interface MeridianProps {
  readonly environment: ResolvedEnvironment;
  readonly workload: Workload;
  /** The workload's code, built. */
  readonly bundles: Bundles;
}

/**
 * Not a `Stage`: the CLI selects and validates the stacks of the app itself unless told otherwise, and so a finding of
 * cdk-nag in a stage would pass `cdk synth` unseen.
 */
export class Meridian extends Construct {
  constructor(scope: Construct, id: string, { environment, workload, bundles }: MeridianProps) {
    super(scope, id);
    const names = namesOf(environment);
    const { primary } = environment;
    const others = environment.regions.map((entry) => entry.name).filter((name) => name !== primary);
    const inRegion = (region: string): Placement => ({ environment, names, region });

    const regions = [primary, ...others].map((region) => {
      const placement = inRegion(region);
      const network = new NetworkStack(this, `${region}-network`, placement);
      const data = new DataStack(this, `${region}-data`, { placement, vpc: network.vpc });
      const assets = new AssetsStack(this, `${region}-assets`, { placement, bundles });
      data.addStackDependency(network, 'its buckets log into the region’s logs bucket');
      assets.addStackDependency(network, 'its bucket logs into the region’s logs bucket');
      return { placement, network, data, assets };
    });
    for (const [i, { data }] of regions.entries()) {
      if (i > 0) data.addStackDependency(regions[0]!.data, 'a secondary joins the primary’s global cluster');
      if (i > 1) data.addStackDependency(regions[i - 1]!.data, 'secondaries join one by one');
    }

    const services = regions.map(({ placement, network, data }) => {
      const service = new ServiceStack(this, `${placement.region}-service`, {
        placement,
        workload,
        bundles,
        vpc: network.vpc,
        database: data.database,
        cache: data.cache,
      });
      service.addStackDependency(data, 'its migration signs in with the master secret');
      for (const { assets } of regions) {
        service.addStackDependency(assets, 'a release’s files are in every region before a page names them');
      }
      return service;
    });
    for (const service of services.slice(1)) {
      service.addStackDependency(services[0]!, 'the schema is migrated where the database is first written');
    }

    if (others.length > 0) {
      for (const { placement } of regions) {
        const mesh = new MeshStack(this, `${placement.region}-mesh`, placement);
        for (const { data } of regions) mesh.addStackDependency(data, 'it copies to their buckets');
        for (const service of services) mesh.addStackDependency(service, 'it listens to their topics');
      }
    }

    const edge = new EdgeStack(this, 'edge', {
      placement: inRegion(globalRegion),
      web: workload.web,
      loadBalancer: services[0]!.loadBalancer,
    });
    if (environment.domain) {
      const routing = new RoutingStack(this, 'routing', {
        placement: inRegion(globalRegion),
        web: workload.web,
      });
      for (const service of services) routing.addStackDependency(service, 'its records point to theirs');
      edge.addStackDependency(routing, 'its origin is a name that routing answers');
    }
    edge.addStackDependency(services[0]!, 'its origin is there');
  }
}
