/** Every rule that an environment is held against: what breaks it, and what it then says. */

import { describe, expect, test } from '@jest/globals';
import type { Environment } from '../../config/environment.ts';
import { environments } from '../../config/environments.ts';
import { ConfigurationError, placeholderAccount, resolveEnvironment } from '../../config/validate.ts';

const production = environments['production']!;
const dev = environments['dev']!;

/** What validation says of an environment, one line per finding. */
function said(environment: Environment, name = 'test'): string[] {
  try {
    resolveEnvironment(name, undefined, { [name]: environment });
    return [];
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    return error.findings.map(({ where, got, expected }) => `${where}: got ${got}, expected ${expected}`);
  }
}

test.each(Object.keys(environments))('%s is sound', (name) => {
  expect(said(environments[name]!, name)).toEqual([]);
});

type Change = (environment: Environment) => Environment;
const change =
  <K extends 'web' | 'worker' | 'database' | 'network'>(part: K, values: Partial<Environment[K]>): Change =>
  (environment) => ({ ...environment, [part]: { ...environment[part], ...values } });
const set =
  (values: Partial<Environment>): Change =>
  (environment) => ({ ...environment, ...values });
const second = (name: string, cidr: string): Change =>
  set({ regions: [production.regions[0]!, { name, cidr }, ...production.regions.slice(2)] });

describe.each<[rule: string, breaks: Change, message: RegExp]>([
  ['account', set({ account: '123' }), /^account: got '123', expected twelve digits/],
  [
    'primary',
    set({ primary: 'us-west-2' }),
    /^primary: got 'us-west-2', expected one of its regions: us-east-1,/,
  ],
  [
    'region in the catalog',
    second('mars-1', '10.1.0.0/16'),
    /^regions\[1\]\.name: got 'mars-1', expected a region of/,
  ],
  [
    'region once',
    second('us-east-1', '10.1.0.0/16'),
    /^regions\[1\]\.name: got 'us-east-1', expected each region once/,
  ],
  [
    'block is one',
    second('eu-west-1', '10.1.0.1/16'),
    /^regions\[1\]\.cidr: got '10\.1\.0\.1\/16', expected an IPv4 block/,
  ],
  [
    'block in range',
    second('eu-west-1', '10.1.0.0/24'),
    /^regions\[1\]\.cidr: got '10\.1\.0\.0\/24', expected an IPv4 block of \/16/,
  ],
  ['block has octets', second('eu-west-1', '10.300.0.0/16'), /^regions\[1\]\.cidr: got '10\.300/],
  [
    'blocks apart',
    second('eu-west-1', '10.0.16.0/20'),
    /^regions\[1\]\.cidr: .* no overlap with us-east-1 \(10\.0\.0\.0\/16\)/,
  ],
  ['domain with several regions', set({ domain: undefined }), /^domain: got 'none', expected a domain/],
  ['global with several regions', set({ global: false }), /^global: got false/],
  [
    'domain name',
    set({ domain: { ...production.domain!, name: 'www.Example.com.' } }),
    /^domain\.name: got 'www\.Example/,
  ],
  [
    'zone id',
    set({ domain: { ...production.domain!, hostedZoneId: 'abc' } }),
    /^domain\.hostedZoneId: got 'abc'/,
  ],
  [
    'continent',
    set({ routing: { continents: { XX: 'us-east-1' } as never } }),
    /^routing\.continents\.XX: got 'XX', expected a continent of AF/,
  ],
  [
    'continent to a region',
    set({ routing: { continents: { EU: 'eu-central-1' } } }),
    /^routing\.continents\.EU: got 'eu-central-1', expected one of its/,
  ],
  [
    'continent to nothing',
    set({ routing: { continents: { EU: undefined } } }),
    /^routing\.continents\.EU: got 'no region'/,
  ],
  [
    'country',
    set({ routing: { countries: { deu: 'eu-west-1' } } }),
    /^routing\.countries\.deu: got 'deu', expected a two-letter/,
  ],
  [
    'country to a region',
    set({ routing: { countries: { DE: 'x' } } }),
    /^routing\.countries\.DE: got 'x', expected one of its/,
  ],
  [
    'state',
    set({ routing: { states: { Cal: 'us-east-1' } } }),
    /^routing\.states\.Cal: got 'Cal', expected a two-letter US/,
  ],
  [
    'state to a region',
    set({ routing: { states: { CA: 'x' } } }),
    /^routing\.states\.CA: got 'x', expected one of its/,
  ],
  ['fallback', set({ routing: { fallback: 'x' } }), /^routing\.fallback: got 'x'/],
  [
    'order of a region',
    set({ routing: { failoverOrder: { x: ['us-east-1', 'eu-west-1', 'ap-southeast-1'] } } }),
    /^routing\.failoverOrder\.x: got 'x'/,
  ],
  [
    'order is complete',
    set({ routing: { failoverOrder: { 'us-east-1': ['eu-west-1'] } } }),
    /^routing\.failoverOrder\.us-east-1: got 'eu-west-1', expected every other region once: eu-west-1, ap-southeast-1/,
  ],
  [
    'NAT with several regions',
    change('network', { nat: 'none' }),
    /^network\.nat: got 'none', expected 'one' or 'per-zone'/,
  ],
  [
    'no t class in a global database',
    change('database', { size: { kind: 'provisioned', instanceClass: 't4g.medium' } }),
    /^database\.size\.instanceClass: got 't4g\.medium', expected a memory-optimised/,
  ],
  [
    'class without prefix',
    change('database', { size: { kind: 'provisioned', instanceClass: 'db.r8g.large' } }),
    /^database\.size\.instanceClass: got 'db\.r8g\.large', expected a class without/,
  ],
  [
    'a global database never pauses',
    change('database', { size: { kind: 'serverless', minAcu: 0, maxAcu: 2 } }),
    /^database\.size\.minAcu: got 0, expected at least 0\.5/,
  ],
  [
    'steps of capacity',
    change('database', { size: { kind: 'serverless', minAcu: 1.3, maxAcu: 2 } }),
    /^database\.size\.minAcu: got 1\.3/,
  ],
  [
    'capacity has room',
    change('database', { size: { kind: 'serverless', minAcu: 4, maxAcu: 2 } }),
    /^database\.size\.maxAcu: got 2, expected from 4 to 256/,
  ],
  [
    'primary readers',
    change('database', { primaryReaders: 14 }),
    /^database\.primaryReaders: got 14, expected a whole number from 0 to 13/,
  ],
  ['secondary readers', change('database', { secondaryReaders: 0 }), /^database\.secondaryReaders: got 0/],
  ['backups', change('database', { backupDays: 36 }), /^database\.backupDays: got 36/],
  [
    'node type',
    set({ cache: { kind: 'nodes', nodeType: 'r7g.large', shards: 1, replicasPerShard: 1 } }),
    /^cache\.nodeType: got 'r7g\.large'/,
  ],
  [
    'shards',
    set({ cache: { kind: 'nodes', nodeType: 'cache.r7g.large', shards: 0, replicasPerShard: 1 } }),
    /^cache\.shards: got 0/,
  ],
  [
    'replicas',
    set({ cache: { kind: 'nodes', nodeType: 'cache.r7g.large', shards: 1, replicasPerShard: 6 } }),
    /^cache\.replicasPerShard: got 6/,
  ],
  ['serverless size', set({ cache: { kind: 'serverless', maxGb: 0 } }), /^cache\.maxGb: got 0/],
  ['CPU', change('web', { cpu: 300 }), /^web\.cpu: got 300, expected one of 256, 512/],
  [
    'memory',
    change('web', { memoryMiB: 1024 }),
    /^web\.memoryMiB: got 1024, expected with 1024 CPU units one of 2048, /,
  ],
  ['least tasks', change('web', { minTasks: 0 }), /^web\.minTasks: got 0, expected a whole number from 1/],
  ['most tasks', change('web', { maxTasks: 2 }), /^web\.maxTasks: got 2, expected a whole number from 3/],
  [
    'algorithm',
    change('web', { algorithm: 'random' as never }),
    /^web\.algorithm: got 'random', expected one of weighted_random, least_outstanding_requests, round_robin/,
  ],
  [
    'cooldowns',
    change('web', { cooldownSeconds: { out: -1, in: 300 } }),
    /^web\.cooldownSeconds\.out: got -1, expected a whole number from 0/,
  ],
  [
    'number of testers',
    (environment) => ({ ...environment, testers: Array.from({ length: 31 }, (_, i) => `203.0.113.${i}/32`) }),
    /^testers\.length: got 31, expected a whole number from 0 to 30/,
  ],
  [
    'price class',
    (environment) => ({ ...environment, priceClass: 'PriceClass_1' as never }),
    /^priceClass: got 'PriceClass_1', expected one of PriceClass_100, PriceClass_200, PriceClass_All/,
  ],
  ['share on Spot', change('web', { spotShare: 1.5 }), /^web\.spotShare: got 1\.5/],
  [
    'capacity for a lost region',
    change('web', { peakRps: 1201 }),
    /^web\.minTasks: got 3, expected at least 4: 2 region\(s\) must carry 1201 requests\/s at 200/,
  ],
  ['concurrency', change('worker', { maxConcurrency: 1 }), /^worker\.maxConcurrency: got 1/],
  [
    'function timeout',
    change('worker', { functionTimeoutSeconds: 0 }),
    /^worker\.functionTimeoutSeconds: got 0/,
  ],
  [
    'visibility',
    change('worker', { visibilityTimeoutSeconds: 179 }),
    /^worker\.visibilityTimeoutSeconds: got 179, expected a whole number from 180/,
  ],
  ['receives', change('worker', { maxReceives: 0 }), /^worker\.maxReceives: got 0/],
  ['function memory', change('worker', { memoryMiB: 64 }), /^worker\.memoryMiB: got 64/],
  [
    'Rekognition everywhere',
    second('sa-east-1', '10.1.0.0/16'),
    /^worker\.engine: got 'rekognition', expected 'embedded': sa-east-1 does not/,
  ],
  [
    'log days',
    set({ logDays: 8 }),
    /^logDays: got 8, expected a retention that CloudWatch Logs knows: 1, 3, 5, 7/,
  ],
  ['retired region is known', set({ retiredRegions: ['mars-1'] }), /^retiredRegions\[0\]: got 'mars-1'/],
  [
    'retired region is gone',
    set({ retiredRegions: ['eu-west-1'] }),
    /^retiredRegions\[0\]: got 'eu-west-1', expected a region that is no longer/,
  ],
  ['revision', set({ originSecretRevision: 0 }), /^originSecretRevision: got 0/],
])('%s', (_rule, breaks, message) => {
  test('breaks with its message', () => {
    expect(said(breaks(production))).toContainEqual(expect.stringMatching(message));
  });
});

test('rules that only one region can break', () => {
  expect(said({ ...dev, cdnBypass: true })).toEqual([
    'cdnBypass: got true, expected false without a domain: there is no public load balancer to open',
  ]);
  expect(said({ ...dev, regions: [] })).toContain("regions: got 'none', expected at least one region");
});

test('at most eleven regions: a global database has ten secondaries', () => {
  const many = Array.from({ length: 12 }, (_, i) => ({ name: `x-${i}`, cidr: `10.${i}.0.0/16` }));
  expect(said({ ...production, regions: many })).toContain(
    'regions: got 12, expected at most 11: one primary and ten secondaries',
  );
});

test('every tester that is none is named', () => {
  const testers = [
    '203.0.113.7/32',
    '2001:db8::/64',
    '203.0.113.7',
    '300.0.0.1/32',
    '10.0.0.0/33',
    '0.0.0.0/0',
  ];
  expect(said({ ...dev, testers }).map((line) => line.split(':')[0])).toEqual([
    'testers[2]',
    'testers[3]',
    'testers[4]',
    'testers[5]',
  ]);
});

test('a name that would not fit in resource names', () => {
  expect(said(dev, 'My-Env')).toEqual(["name: got 'My-Env', expected 1 to 12 of a-z and 0-9"]);
});

test('all errors at once, in one message', () => {
  const broken = { ...production, primary: 'x', logDays: 8, network: { nat: 'none' as const } };
  expect(() => resolveEnvironment('test', undefined, { test: broken })).toThrow(
    /^environment 'test' is not valid \(config\/environments\.ts\):\n {2}primary: .*\n {2}network\.nat: .*\n {2}logDays: [^\n]*$/,
  );
});

test('an unknown name lists the known ones', () => {
  const known = Object.keys(environments).join(', ');
  expect(() => resolveEnvironment('prd')).toThrow(
    new ConfigurationError(`unknown environment 'prd', expected one of: ${known}`),
  );
  expect(() => resolveEnvironment('constructor')).toThrow(ConfigurationError);
});

test('the account: its own, else the given one, else the placeholder', () => {
  const own = { test: { ...dev, account: '222222222222' } };
  expect(resolveEnvironment('test', '333333333333', own).account).toBe('222222222222');
  expect(resolveEnvironment('dev', '333333333333').account).toBe('333333333333');
  expect(resolveEnvironment('dev').account).toBe(placeholderAccount);
});
