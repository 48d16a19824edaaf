/**
 * The environment variables of tasks and functions. Infrastructure writes them through these types, running
 * code reads them with `readVariables`; neither side spells a name again. Hosts are `contract/endpoint.ts`
 * endpoints. AWS_REGION is set by Lambda and Fargate themselves.
 *
 * No variable says which region is the primary: running code asks the database.
 */

/** How to reach this region's database. */
export interface DatabaseVariables {
  /** Cluster endpoint: the writer in the primary region, inactive in the others. */
  readonly DATABASE_HOST: string;
  /** Reader endpoint: local reads; in a secondary region also forwarded writes. */
  readonly DATABASE_READER_HOST: string;
  readonly DATABASE_NAME: string;
}

/** How to reach this region's cache. */
export interface CacheVariables {
  readonly CACHE_HOST: string;
  /** Name of the cache: part of the IAM token that is its password. */
  readonly CACHE_NAME: string;
  readonly CACHE_USER: string;
  /** `serverless` or `nodes`: the IAM token differs. */
  readonly CACHE_KIND: string;
}

/** The web service. */
export interface WebVariables extends DatabaseVariables, CacheVariables {
  /** Names of all regions, comma-separated, in the configuration's order. */
  readonly REGIONS: string;
  readonly MEDIA_BUCKET: string;
  readonly JOB_QUEUE_URL: string;
  readonly PORT: string;
}

/** The worker behind the job queue. */
export interface WorkerVariables extends DatabaseVariables, CacheVariables {
  readonly MEDIA_BUCKET: string;
  /** Topic of this region that the other regions listen to; absent with one region. */
  readonly INVALIDATION_TOPIC_ARN?: string;
}

/** The function that carries another region's messages into this region's cache. */
export interface InvalidateVariables extends CacheVariables {}

/** The function that brings the schema up to date, before the service of its region is deployed. */
export interface MigrateVariables extends DatabaseVariables {
  /** Secret with the master user: JSON with `username` and `password`. */
  readonly DATABASE_SECRET_ARN: string;
}

/** The function that puts the client's files, which are in its own zip, into the region's bucket. */
export interface PublishVariables {
  readonly ASSETS_BUCKET: string;
}

/** Database users that `migrate` creates; both sign in with IAM tokens on AWS. */
export const databaseUsers = { app: 'meridian_app', migrator: 'meridian_migrator' } as const;

/** Well-known ports, used where an endpoint names none. */
export const ports = { database: 5432, cache: 6379, web: 8080 } as const;

/**
 * Reads the named variables.
 * @throws Error listing every one that is missing.
 */
export function readVariables<T extends object>(
  names: readonly (keyof T & string)[],
  from: Readonly<Record<string, string | undefined>> = process.env,
): T {
  const missing = names.filter((name) => !from[name]);
  if (missing.length > 0) throw new Error(`missing environment variables: ${missing.join(', ')}`);
  return Object.fromEntries(names.map((name) => [name, from[name]])) as T;
}
