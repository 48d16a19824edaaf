/** The shape of an environment: every value an operator may set, with its meaning and unit. */

import type { Continent } from './regions.ts';

/** One region of an environment. Adding an entry adds the region to every stack, chain and mesh. */
export interface RegionEntry {
  /** AWS name of the region; it must stand in config/regions.ts. */
  readonly name: string;
  /** IPv4 block of its VPC, /16 to /20, overlapping no other region's. */
  readonly cidr: string;
}

/** The public name of the system. */
export interface Domain {
  /** Apex, for example `example.com`; the site is `www.<name>`, the origin tree `origin.<name>`. */
  readonly name: string;
  /** Id of the public hosted zone of that name; the zone must be delegated before the first deploy. */
  readonly hostedZoneId: string;
}

/** Overrides of the derived routing: geography → region. */
export interface Routing {
  /** Continent to region. @default the nearest region by great-circle distance */
  readonly continents?: Readonly<Partial<Record<Continent, string>>>;
  /** ISO 3166 country code to region, for example `{ TR: 'eu-central-1' }`. @default none */
  readonly countries?: Readonly<Record<string, string>>;
  /** US state code to region, for example `{ CA: 'us-west-2' }`. @default none */
  readonly states?: Readonly<Record<string, string>>;
  /** Region that answers where no other record matches. @default the primary */
  readonly fallback?: string;
  /** Home region to the other regions, nearest first. @default by great-circle distance */
  readonly failoverOrder?: Readonly<Record<string, readonly string[]>>;
}

export interface Network {
  /** NAT gateways: one per zone, one for all, or, with one region only, none: tasks then have public addresses. */
  readonly nat: 'per-zone' | 'one' | 'none';
}

/** Database instances: provisioned, or Serverless v2 in Aurora capacity units (ACU, 2 GiB each). */
export type DatabaseSize =
  | { readonly kind: 'provisioned'; readonly instanceClass: string }
  | { readonly kind: 'serverless'; readonly minAcu: number; readonly maxAcu: number };

export interface Database {
  readonly size: DatabaseSize;
  /** Readers beside the writer in the primary region. */
  readonly primaryReaders: number;
  /** Readers in every other region. */
  readonly secondaryReaders: number;
  /** Days that automatic backups are kept, 1 to 35. */
  readonly backupDays: number;
}

/** Valkey: serverless, or nodes in cluster mode. */
export type Cache =
  | { readonly kind: 'serverless'; readonly maxGb: number }
  | {
      readonly kind: 'nodes';
      readonly nodeType: string;
      readonly shards: number;
      readonly replicasPerShard: number;
    };

/** How a load balancer chooses a task. Anomaly mitigation comes with `weighted_random` and goes with no other. */
export const algorithms = ['weighted_random', 'least_outstanding_requests', 'round_robin'] as const;

/** Where CloudFront has points of presence for this distribution (CloudFront developer guide, "Price class"). */
export const priceClasses = ['PriceClass_100', 'PriceClass_200', 'PriceClass_All'] as const;

export interface Web {
  /** Fargate CPU units per task (1024 = one vCPU). */
  readonly cpu: number;
  readonly memoryMiB: number;
  /** Tasks per region; the minimum must let the remaining regions carry the peak when one is lost. */
  readonly minTasks: number;
  readonly maxTasks: number;
  /** Requests per second that the whole system is to serve at its peak. */
  readonly peakRps: number;
  /** Requests per second that one task serves within its latency target. */
  readonly rpsPerTask: number;
  /** How the load balancer chooses a task. @default 'weighted_random', with anomaly mitigation */
  readonly algorithm?: (typeof algorithms)[number];
  /** Seconds between two scaling actions of one kind. @default 30 out, 300 in */
  readonly cooldownSeconds?: { readonly out: number; readonly in: number };
  /** Forecast the load of the next days beside the metrics, without acting on it. @default false */
  readonly predictiveScaling?: boolean;
  /** Share of tasks above the minimum that may run on Fargate Spot, 0 to 1. @default 0 */
  readonly spotShare?: number;
}

export interface Worker {
  /** `rekognition` where the region has it, or the model embedded in the function's own zip. */
  readonly engine: 'rekognition' | 'embedded';
  /** Concurrent executions that the queue may start, 2 to 1000. */
  readonly maxConcurrency: number;
  /** Longest run of the function, in seconds. */
  readonly functionTimeoutSeconds: number;
  /** Time a taken message stays hidden, in seconds; at least six times the function's timeout. */
  readonly visibilityTimeoutSeconds: number;
  /** Receives before a message goes to the dead-letter queue. */
  readonly maxReceives: number;
  /** Memory of the function; its CPU share follows. */
  readonly memoryMiB: number;
}

/** One deployable system. Everything physical is named from it by lib/names.ts. */
export interface Environment {
  /** AWS account id. @default -c account=…, then CDK_DEFAULT_ACCOUNT, then 111111111111 */
  readonly account?: string;
  /** Public name. Needed with several regions; without it CloudFront's own name is used. */
  readonly domain?: Domain;
  /** Regions in the order they are deployed after the primary. */
  readonly regions: readonly RegionEntry[];
  /** The region whose database cluster is the first writer; one of `regions`. */
  readonly primary: string;
  /**
   * Whether the database is a global cluster. @default several regions
   * Set it with one region when the environment will grow: joining later replaces the cluster.
   */
  readonly global?: boolean;
  readonly routing?: Routing;
  readonly network: Network;
  readonly database: Database;
  readonly cache: Cache;
  readonly web: Web;
  readonly worker: Worker;
  /** Deletion and termination protection, final snapshots. */
  readonly protect: boolean;
  /** Days that logs are kept. */
  readonly logDays: number;
  /** CIDRs of load generators: past the rate rule and to the load balancers; at most 30. @default none */
  readonly testers?: readonly string[];
  /** Regions that were removed; their media paths stay, served by the nearest replica. @default none */
  readonly retiredRegions?: readonly string[];
  /** Break glass for the loss of CloudFront: load balancers open to the world. @default false */
  readonly cdnBypass?: boolean;
  /** Revision of the origin secret; raise by one to rotate. @default 1 */
  readonly originSecretRevision?: number;
  /** CloudFront price class. @default 'PriceClass_100' */
  readonly priceClass?: (typeof priceClasses)[number];
  /** Run by `npm start` only: a deploy of it is refused. @default false */
  readonly localOnly?: boolean;
}
