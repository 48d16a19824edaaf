/**
 * The environments: this is the file an operator edits.
 *
 * `npx cdk synth -c env=NAME` reviews one, `npx cdk deploy -c env=NAME --all` makes it,
 * `npm start -- NAME` runs it on this machine. Every field is described in config/environment.ts.
 */

import type { Environment } from './environment.ts';

/** Production's shape at a size that fits one machine; only ever run here, never deployed. */
const local: Environment = {
  domain: { name: 'meridian.example', hostedZoneId: 'Z0LOCAL00000000000000' },
  primary: 'us-east-1',
  regions: [
    { name: 'us-east-1', cidr: '10.0.0.0/16' },
    { name: 'eu-west-1', cidr: '10.1.0.0/16' },
    { name: 'ap-southeast-1', cidr: '10.2.0.0/16' },
  ],
  network: { nat: 'per-zone' },
  database: {
    size: { kind: 'provisioned', instanceClass: 'r8g.large' },
    primaryReaders: 1,
    secondaryReaders: 1,
    backupDays: 7,
  },
  cache: { kind: 'nodes', nodeType: 'cache.t4g.small', shards: 1, replicasPerShard: 1 },
  web: { cpu: 512, memoryMiB: 1024, minTasks: 2, maxTasks: 4, peakRps: 400, rpsPerTask: 100 },
  worker: {
    engine: 'embedded',
    maxConcurrency: 2,
    functionTimeoutSeconds: 5,
    visibilityTimeoutSeconds: 30,
    maxReceives: 3,
    memoryMiB: 1024,
  },
  protect: false,
  logDays: 7,
  localOnly: true,
};

/** One region without a domain: a first `cdk deploy` for the price of a few coffees a month. */
const dev: Environment = {
  primary: 'us-east-1',
  regions: [{ name: 'us-east-1', cidr: '10.0.0.0/16' }],
  network: { nat: 'none' },
  database: {
    size: { kind: 'serverless', minAcu: 0, maxAcu: 2 },
    primaryReaders: 0,
    secondaryReaders: 0,
    backupDays: 1,
  },
  cache: { kind: 'serverless', maxGb: 1 },
  web: { cpu: 256, memoryMiB: 512, minTasks: 1, maxTasks: 2, peakRps: 20, rpsPerTask: 50 },
  worker: {
    engine: 'embedded',
    maxConcurrency: 2,
    functionTimeoutSeconds: 30,
    visibilityTimeoutSeconds: 180,
    maxReceives: 3,
    memoryMiB: 1024,
  },
  protect: false,
  logDays: 7,
};

/** Two regions with small instances: what failover looks like, for an afternoon. */
const demo: Environment = {
  domain: { name: 'demo.example.com', hostedZoneId: 'Z00000000000000000DEMO' },
  primary: 'us-east-1',
  regions: [
    { name: 'us-east-1', cidr: '10.0.0.0/16' },
    { name: 'eu-west-1', cidr: '10.1.0.0/16' },
  ],
  network: { nat: 'one' },
  database: {
    // Below the 8 ACU that AWS recommends for a global database's primary: accepted, meant for demonstrations.
    size: { kind: 'serverless', minAcu: 1, maxAcu: 8 },
    primaryReaders: 1,
    secondaryReaders: 1,
    backupDays: 1,
  },
  cache: { kind: 'nodes', nodeType: 'cache.t4g.micro', shards: 1, replicasPerShard: 1 },
  web: { cpu: 256, memoryMiB: 512, minTasks: 2, maxTasks: 4, peakRps: 100, rpsPerTask: 50 },
  worker: {
    engine: 'embedded',
    maxConcurrency: 4,
    functionTimeoutSeconds: 30,
    visibilityTimeoutSeconds: 180,
    maxReceives: 3,
    memoryMiB: 1024,
  },
  protect: false,
  logDays: 7,
};

/** The full system. Adding a region is one more line in `regions`. */
const production: Environment = {
  domain: { name: 'example.com', hostedZoneId: 'Z0000000000000EXAMPLE' },
  primary: 'us-east-1',
  regions: [
    { name: 'us-east-1', cidr: '10.0.0.0/16' },
    { name: 'eu-west-1', cidr: '10.1.0.0/16' },
    { name: 'ap-southeast-1', cidr: '10.2.0.0/16' },
  ],
  network: { nat: 'per-zone' },
  database: {
    size: { kind: 'provisioned', instanceClass: 'r8g.large' },
    primaryReaders: 2,
    secondaryReaders: 2,
    backupDays: 14,
  },
  cache: { kind: 'nodes', nodeType: 'cache.r7g.large', shards: 2, replicasPerShard: 1 },
  web: {
    cpu: 1024,
    memoryMiB: 2048,
    minTasks: 3,
    maxTasks: 24,
    peakRps: 1200,
    rpsPerTask: 200,
    spotShare: 0.5,
  },
  worker: {
    engine: 'rekognition',
    maxConcurrency: 10,
    functionTimeoutSeconds: 30,
    visibilityTimeoutSeconds: 180,
    maxReceives: 5,
    memoryMiB: 512,
  },
  protect: true,
  logDays: 90,
};

/** Every environment by the name that `-c env=` takes. */
export const environments: Readonly<Record<string, Environment>> = { local, dev, demo, production };
