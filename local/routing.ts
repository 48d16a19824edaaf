/**
 * Route 53's answers as a pure function of records, health and viewer. Rules are those of the Amazon Route 53
 * Developer Guide; each names its page. A record that stands alone is healthy or not for whoever aliases it, but is
 * always answered: with nothing healthy in a group all of it counts as healthy ("How Amazon Route 53 chooses records
 * when health checking is configured").
 */

/** Where a viewer's resolver is: codes of Route 53 geolocation records. */
export interface Viewer {
  /** As `EU`. */
  readonly continent?: string;
  /** ISO 3166, as `DE`. */
  readonly country?: string;
  /** State of the US, as `CA`. */
  readonly state?: string;
}

/** One record of a template. Names are lower-case without a final dot. */
export interface RoutingRecord {
  readonly name: string;
  readonly type: string;
  readonly setIdentifier?: string;
  /** Which viewers it is for; `*` as country is everyone who matches no other record. */
  readonly geography?: Viewer;
  readonly failover?: 'PRIMARY' | 'SECONDARY';
  readonly healthCheck?: string;
  readonly alias?: { readonly name: string; readonly evaluateTargetHealth: boolean };
  /** Values of a record that is no alias. */
  readonly values?: readonly string[];
  /** Seconds that the values are good for. */
  readonly ttlSeconds?: number;
}

/** What is known of health at this moment. */
export interface Health {
  /** State of a health check by its id. */
  check(id: string): boolean;
  /** State that an alias target which is no record reports, as a load balancer by its DNS name. */
  target(name: string): boolean;
}

export interface Answer {
  /** Names asked for on the way, the first one included. */
  readonly path: readonly string[];
  /** Alias target that is no record: the DNS name of a load balancer or a distribution. */
  readonly target?: string;
  readonly values?: readonly string[];
  /** Seconds that values are good for, where the record says. */
  readonly ttlSeconds?: number;
}

/** Aliases of aliases that are followed; a template that needs more has a cycle. */
const maxDepth = 64;

/** Name as records keep it: lower-case, without a final dot. */
export const canonical = (name: string): string => name.toLowerCase().replace(/\.$/, '');

/**
 * What Route 53 answers a viewer who asks for a name. The type of an alias and of its target are the same ("Choosing
 * between alias and non-alias records").
 * @returns undefined when no record of that name and type is for this viewer, who gets an answer without records
 *   ("Geolocation routing")
 * @throws Error when aliases form a cycle
 */
export function resolve(
  records: readonly RoutingRecord[],
  health: Health,
  name: string,
  viewer: Viewer = {},
  type = 'A',
): Answer | undefined {
  const path: string[] = [];
  for (let asked = canonical(name); path.length < maxDepth; ) {
    path.push(asked);
    const record = choose(recordsOf(records, asked, type), viewer, (one) => isHealthy(records, health, one));
    if (!record) return undefined;
    if (!record.alias) {
      const { values = [], ttlSeconds } = record;
      return { path, values, ...(ttlSeconds !== undefined && { ttlSeconds }) };
    }
    const next = canonical(record.alias.name);
    if (recordsOf(records, next, type).length === 0) return { path, target: next };
    asked = next;
  }
  throw new Error(`aliases of ${name} form a cycle: ${path.slice(0, 8).join(' -> ')} …`);
}

/**
 * Whether a record counts as healthy: its health check, if it has one, and for an alias with evaluate-target-health
 * the target too, both must be healthy ("How Amazon Route 53 chooses records when health checking is configured").
 * An alias to records is healthy while any of them is ("How health checks work in complex configurations").
 */
export function isHealthy(
  records: readonly RoutingRecord[],
  health: Health,
  record: RoutingRecord,
  depth = 0,
): boolean {
  if (depth > maxDepth) throw new Error(`aliases of ${record.name} form a cycle`);
  if (record.healthCheck !== undefined && !health.check(record.healthCheck)) return false;
  if (!record.alias?.evaluateTargetHealth) return true;
  const target = canonical(record.alias.name);
  const behind = recordsOf(records, target, record.type);
  if (behind.length === 0) return health.target(target);
  return behind.some((one) => isHealthy(records, health, one, depth + 1));
}

function recordsOf(records: readonly RoutingRecord[], name: string, type: string): RoutingRecord[] {
  return records.filter((record) => record.name === name && record.type === type);
}

/** One of the records that share a name and type, by their routing policy ("Choosing a routing policy"). */
function choose(
  group: readonly RoutingRecord[],
  viewer: Viewer,
  healthy: (record: RoutingRecord) => boolean,
): RoutingRecord | undefined {
  if (group.some(({ failover }) => failover)) return chooseFailover(group, healthy);
  if (group.some(({ geography }) => geography)) return chooseGeography(group, viewer, healthy);
  return group[0];
}

/** The primary while it is healthy or nothing is, else the secondary ("Active-passive failover"). */
function chooseFailover(group: readonly RoutingRecord[], healthy: (record: RoutingRecord) => boolean) {
  const primary = group.find(({ failover }) => failover === 'PRIMARY');
  const secondary = group.find(({ failover }) => failover === 'SECONDARY');
  if (primary && healthy(primary)) return primary;
  if (secondary && healthy(secondary)) return secondary;
  return primary ?? secondary;
}

/**
 * The smallest geography that holds the viewer and is healthy: state, country, continent, default; with none
 * healthy the smallest one ("Geolocation routing", "How Amazon Route 53 chooses records when health checking is
 * configured"). There is no way to the next closest region: that is what the failover chains are for.
 */
function chooseGeography(
  group: readonly RoutingRecord[],
  viewer: Viewer,
  healthy: (record: RoutingRecord) => boolean,
) {
  const { continent, country, state } = viewer;
  const sizes: ((geography: Viewer) => boolean)[] = [
    (one) => one.state !== undefined && one.state === state && one.country === country,
    (one) => one.state === undefined && one.country !== undefined && one.country === country,
    (one) => one.country === undefined && one.continent !== undefined && one.continent === continent,
    (one) => one.country === '*',
  ];
  const candidates = sizes.flatMap((fits) => group.filter(({ geography }) => geography && fits(geography)));
  return candidates.find(healthy) ?? candidates[0];
}
