/** Holds an environment against the rules that types cannot express; reports every breach at once. */

import { isIP } from 'node:net';
import { algorithms, type Environment, priceClasses } from './environment.ts';
import { environments } from './environments.ts';
import { continents, regionCatalog } from './regions.ts';

/** One breach: where it stands, what was got, what was expected. */
export interface Finding {
  readonly where: string;
  readonly got: string;
  readonly expected: string;
}

/** An environment that validation has accepted, with its name and account settled. */
export interface ResolvedEnvironment extends Environment {
  readonly name: string;
  readonly account: string;
}

/** Thrown for an environment that is unknown or breaks rules; the message lists every finding. */
export class ConfigurationError extends Error {
  readonly findings: readonly Finding[];
  constructor(message: string, findings: readonly Finding[] = []) {
    const lines = findings.map(
      ({ where, got, expected }) => `\n  ${where}: got ${got}, expected ${expected}`,
    );
    super(message + lines.join(''));
    this.name = 'ConfigurationError';
    this.findings = findings;
  }
}

/** Stands in where no account is known, so that a review needs no credentials. */
export const placeholderAccount = '111111111111';

/**
 * The environment of that name, validated, with its account: its own, else the given one, else the placeholder.
 * @throws ConfigurationError for an unknown name or any breach.
 */
export function resolveEnvironment(
  name: string,
  account?: string,
  known: Readonly<Record<string, Environment>> = environments,
): ResolvedEnvironment {
  const environment = Object.hasOwn(known, name) ? known[name] : undefined;
  if (!environment) {
    throw new ConfigurationError(
      `unknown environment '${name}', expected one of: ${Object.keys(known).join(', ')}`,
    );
  }
  const resolved = { ...environment, name, account: environment.account ?? account ?? placeholderAccount };
  const findings = validate(resolved);
  if (findings.length > 0) {
    throw new ConfigurationError(`environment '${name}' is not valid (config/environments.ts):`, findings);
  }
  return resolved;
}

/** Every breach of an environment, in the order of its fields; empty when it is sound. */
export function validate(environment: ResolvedEnvironment): Finding[] {
  const findings: Finding[] = [];
  const expect = (holds: boolean, where: string, got: unknown, expected: string) => {
    if (!holds) findings.push({ where, got: typeof got === 'string' ? `'${got}'` : String(got), expected });
  };
  const { regions, primary, routing = {}, database, cache, web, worker } = environment;
  const names = regions.map((entry) => entry.name);
  const ofRegions = (where: string, region: string) =>
    expect(names.includes(region), where, region, `one of its regions: ${names.join(', ')}`);
  const whole = (where: string, value: number, min: number, max: number) =>
    expect(
      Number.isInteger(value) && value >= min && value <= max,
      where,
      value,
      `a whole number from ${min} to ${max}`,
    );

  expect(/^[a-z][a-z0-9]{0,11}$/.test(environment.name), 'name', environment.name, '1 to 12 of a-z and 0-9');
  expect(/^\d{12}$/.test(environment.account), 'account', environment.account, 'twelve digits');
  expect(regions.length > 0, 'regions', 'none', 'at least one region');
  ofRegions('primary', primary);
  for (const [i, { name, cidr }] of regions.entries()) {
    const at = `regions[${i}]`;
    const catalog = Object.keys(regionCatalog);
    expect(
      catalog.includes(name),
      `${at}.name`,
      name,
      `a region of config/regions.ts: ${catalog.join(', ')}`,
    );
    expect(names.indexOf(name) === i, `${at}.name`, name, 'each region once');
    const block = parseCidr(cidr);
    if (!block || block.prefix < 16 || block.prefix > 20) {
      expect(false, `${at}.cidr`, cidr, 'an IPv4 block of /16 to /20 at its network address, as 10.3.0.0/16');
      continue;
    }
    const clash = regions.slice(0, i).find((other) => overlaps(parseCidr(other.cidr), block));
    expect(!clash, `${at}.cidr`, cidr, `no overlap with ${clash?.name} (${clash?.cidr})`);
  }
  expect(regions.length <= 11, 'regions', regions.length, 'at most 11: one primary and ten secondaries');
  expect(
    regions.length < 2 || environment.domain !== undefined,
    'domain',
    'none',
    'a domain, since several regions are joined by its records',
  );
  expect(
    regions.length < 2 || environment.global !== false,
    'global',
    false,
    'true or nothing with several regions',
  );
  if (environment.domain) {
    const { name, hostedZoneId } = environment.domain;
    expect(
      /^([a-z0-9-]+\.)+[a-z]{2,}$/.test(name),
      'domain.name',
      name,
      'a lower-case domain without www or a final dot',
    );
    expect(
      /^Z[A-Z0-9]{4,31}$/.test(hostedZoneId),
      'domain.hostedZoneId',
      hostedZoneId,
      'an id as Z0123456789ABC',
    );
  }

  for (const [code, region] of Object.entries(routing.continents ?? {})) {
    const at = `routing.continents.${code}`;
    expect(
      (continents as readonly string[]).includes(code),
      at,
      code,
      `a continent of ${continents.join(', ')}`,
    );
    ofRegions(at, region ?? 'no region');
  }
  for (const [code, region] of Object.entries(routing.countries ?? {})) {
    expect(/^[A-Z]{2}$/.test(code), `routing.countries.${code}`, code, 'a two-letter ISO 3166 country code');
    ofRegions(`routing.countries.${code}`, region);
  }
  for (const [code, region] of Object.entries(routing.states ?? {})) {
    expect(/^[A-Z]{2}$/.test(code), `routing.states.${code}`, code, 'a two-letter US state code');
    ofRegions(`routing.states.${code}`, region);
  }
  if (routing.fallback !== undefined) ofRegions('routing.fallback', routing.fallback);
  for (const [home, order] of Object.entries(routing.failoverOrder ?? {})) {
    ofRegions(`routing.failoverOrder.${home}`, home);
    const others = names.filter((name) => name !== home);
    expect(
      order.length === others.length && others.every((name) => order.includes(name)),
      `routing.failoverOrder.${home}`,
      order.join(', ') || 'nothing',
      `every other region once: ${others.join(', ')}`,
    );
  }

  expect(
    regions.length < 2 || environment.network.nat !== 'none',
    'network.nat',
    environment.network.nat,
    "'one' or 'per-zone' with several regions: migrations call the function of the writer's region",
  );

  const global = environment.global ?? regions.length > 1;
  if (database.size.kind === 'provisioned') {
    const { instanceClass } = database.size;
    expect(
      !global || !instanceClass.startsWith('t'),
      'database.size.instanceClass',
      instanceClass,
      'a memory-optimised class (r8g, r7g, r6g): a global database refuses t classes',
    );
    expect(
      /^[a-z]\d[a-z]*\.[a-z0-9]+$/.test(instanceClass),
      'database.size.instanceClass',
      instanceClass,
      'a class without the db. prefix, as r8g.large',
    );
  } else {
    const { minAcu, maxAcu } = database.size;
    expect(
      minAcu >= (global ? 0.5 : 0) && (minAcu * 2) % 1 === 0,
      'database.size.minAcu',
      minAcu,
      global ? 'at least 0.5 in steps of 0.5: a global database cannot pause' : 'at least 0 in steps of 0.5',
    );
    expect(
      maxAcu >= Math.max(1, minAcu) && maxAcu <= 256,
      'database.size.maxAcu',
      maxAcu,
      `from ${Math.max(1, minAcu)} to 256`,
    );
  }
  whole('database.primaryReaders', database.primaryReaders, 0, 15 - Math.max(0, regions.length - 1));
  if (regions.length > 1) whole('database.secondaryReaders', database.secondaryReaders, 1, 16);
  whole('database.backupDays', database.backupDays, 1, 35);
  if (cache.kind === 'nodes') {
    expect(
      cache.nodeType.startsWith('cache.'),
      'cache.nodeType',
      cache.nodeType,
      'a node type with its prefix, as cache.r7g.large',
    );
    whole('cache.shards', cache.shards, 1, 500);
    whole('cache.replicasPerShard', cache.replicasPerShard, 0, 5);
  } else whole('cache.maxGb', cache.maxGb, 1, 5000);

  const memories = fargateMemoryMiB[web.cpu] ?? [];
  expect(memories.length > 0, 'web.cpu', web.cpu, `one of ${Object.keys(fargateMemoryMiB).join(', ')}`);
  expect(
    memories.length === 0 || memories.includes(web.memoryMiB),
    'web.memoryMiB',
    web.memoryMiB,
    `with ${web.cpu} CPU units one of ${memories.join(', ')}`,
  );
  whole('web.minTasks', web.minTasks, 1, 1000);
  whole('web.maxTasks', web.maxTasks, web.minTasks, 5000);
  expect(
    (web.spotShare ?? 0) >= 0 && (web.spotShare ?? 0) <= 1,
    'web.spotShare',
    web.spotShare,
    'a share from 0 to 1',
  );
  const { algorithm = algorithms[0] } = web;
  expect(algorithms.includes(algorithm), 'web.algorithm', algorithm, `one of ${algorithms.join(', ')}`);
  if (web.cooldownSeconds) {
    whole('web.cooldownSeconds.out', web.cooldownSeconds.out, 0, 3600);
    whole('web.cooldownSeconds.in', web.cooldownSeconds.in, 0, 3600);
  }
  const survivors = Math.max(1, regions.length - 1);
  const needed = Math.ceil(web.peakRps / web.rpsPerTask / survivors);
  expect(
    web.minTasks >= needed,
    'web.minTasks',
    web.minTasks,
    `at least ${needed}: ${survivors} region(s) must carry ${web.peakRps} requests/s at ${web.rpsPerTask} per task when one is lost`,
  );

  whole('worker.maxConcurrency', worker.maxConcurrency, 2, 1000);
  whole('worker.functionTimeoutSeconds', worker.functionTimeoutSeconds, 1, 900);
  whole(
    'worker.visibilityTimeoutSeconds',
    worker.visibilityTimeoutSeconds,
    6 * worker.functionTimeoutSeconds,
    43200,
  );
  whole('worker.maxReceives', worker.maxReceives, 1, 1000);
  whole('worker.memoryMiB', worker.memoryMiB, 128, 10240);
  if (worker.engine === 'rekognition') {
    for (const name of names.filter((region) => regionCatalog[region]?.rekognition === false)) {
      expect(false, 'worker.engine', 'rekognition', `'embedded': ${name} does not offer Rekognition`);
    }
  }
  expect(
    logRetentionDays.includes(environment.logDays),
    'logDays',
    environment.logDays,
    `a retention that CloudWatch Logs knows: ${logRetentionDays.join(', ')}`,
  );
  // A security group takes 60 rules of each address family, and the health checkers' list counts as 25 of them.
  whole('testers.length', environment.testers?.length ?? 0, 0, 30);
  for (const [i, cidr] of (environment.testers ?? []).entries()) {
    expect(isCidr(cidr), `testers[${i}]`, cidr, 'a CIDR, as 203.0.113.7/32 or 2001:db8::/64');
  }
  for (const [i, name] of (environment.retiredRegions ?? []).entries()) {
    const at = `retiredRegions[${i}]`;
    expect(Object.hasOwn(regionCatalog, name), at, name, 'a region of config/regions.ts');
    expect(!names.includes(name), at, name, 'a region that is no longer in regions');
  }
  const revision = environment.originSecretRevision ?? 1;
  whole('originSecretRevision', revision, 1, 9999);
  const { priceClass = priceClasses[0] } = environment;
  expect(priceClasses.includes(priceClass), 'priceClass', priceClass, `one of ${priceClasses.join(', ')}`);
  expect(
    !environment.cdnBypass || environment.domain !== undefined,
    'cdnBypass',
    true,
    'false without a domain: there is no public load balancer to open',
  );
  return findings;
}

/** Memory that Fargate offers with a number of CPU units (ECS developer guide, "Task CPU and memory"). */
const fargateMemoryMiB: Readonly<Record<number, readonly number[]>> = {
  256: [512, 1024, 2048],
  512: steps(1024, 4096, 1024),
  1024: steps(2048, 8192, 1024),
  2048: steps(4096, 16384, 1024),
  4096: steps(8192, 30720, 1024),
  8192: steps(16384, 61440, 4096),
  16384: steps(32768, 122880, 8192),
};

/** Days (CloudWatch Logs API reference, PutRetentionPolicy). */
const logRetentionDays: readonly number[] = [
  1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
];

function steps(first: number, last: number, step: number): number[] {
  return Array.from({ length: (last - first) / step + 1 }, (_, i) => first + i * step);
}

interface Block {
  readonly first: number;
  readonly last: number;
  readonly prefix: number;
}

/** The addresses of an IPv4 block, or undefined when it is not one or not at its network address. */
function parseCidr(cidr: string): Block | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\/(\d{1,2})$/.exec(cidr);
  if (!match) return undefined;
  const octets = match.slice(1, 5).map(Number);
  const prefix = Number(match[5]);
  if (octets.some((octet) => octet > 255) || prefix > 32) return undefined;
  const first = octets.reduce((sum, octet) => sum * 256 + octet, 0);
  const size = 2 ** (32 - prefix);
  return first % size === 0 ? { first, last: first + size - 1, prefix } : undefined;
}

/** Whether a text is a block of IPv4 or IPv6 addresses, but not all of them. */
function isCidr(text: string): boolean {
  const [address = '', prefix = ''] = text.split('/');
  const bits = { 0: 0, 4: 32, 6: 128 }[isIP(address)] ?? 0;
  return /^\d{1,3}$/.test(prefix) && Number(prefix) >= 1 && Number(prefix) <= bits;
}

function overlaps(a: Block | undefined, b: Block): boolean {
  return a !== undefined && a.first <= b.last && b.first <= a.last;
}
