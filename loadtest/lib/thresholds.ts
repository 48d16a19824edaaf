/**
 * What counts as good, each with its reason. They are percentiles and shares, never averages: an average hides the
 * people for whom it is bad.
 */

import { numberSetting } from './settings.ts';

/** `-e PATIENCE=10` allows ten times as long: for a machine that runs the whole system and the load as well. */
const patience = numberSetting('PATIENCE', 1);

/** Seconds after which a picture without labels counts as not labelled. */
export const labelsPatienceSeconds = 60 * Math.max(1, patience);

const within = (aggregate: string, ms: number): string => `${aggregate}<${ms * patience}`;

/** Share of requests that may fail: three nines, about 43 minutes a month. */
const availability = 'rate<0.001';

/**
 * Reads are served from the viewer's own region, by cache or local reader, within one round trip: 300 ms for 19 of 20
 * people feels immediate; the slowest of a hundred still wait less than a second.
 */
const reads = [within('p(95)', 300), within('p(99)', 800)];

/** Accepting a picture asks S3 for its object and writes one message: two round trips inside the region. */
const acceptance = [within('p(95)', 500), within('p(99)', 1500)];

type Thresholds = Record<string, string[]>;

/** For a scenario that reads. */
export const readSlo = (scenario: string): Thresholds => ({
  [`http_req_failed{scenario:${scenario}}`]: [availability],
  [`http_req_duration{scenario:${scenario},kind:read}`]: reads,
});

/**
 * For readers while load multiplies within seconds: tasks are added in minutes, and until then a full task answers
 * 503 with Retry-After instead of making everybody wait. One in a hundred may meet that.
 */
export const spikeSlo = (scenario: string): Thresholds => ({
  [`http_req_failed{scenario:${scenario}}`]: ['rate<0.01'],
  [`http_req_duration{scenario:${scenario},kind:read}`]: [within('p(95)', 1000), within('p(99)', 3000)],
});

/** For a scenario that uploads pictures. */
export const acceptSlo = (scenario: string): Thresholds => ({
  [`http_req_failed{scenario:${scenario}}`]: [availability],
  [`http_req_duration{scenario:${scenario},kind:accept}`]: acceptance,
});

/** Labels within ten seconds of acceptance: the queue is polled at once, a cold worker starts in one or two seconds. */
export const labelsSlo = (scenario: string): Thresholds => ({
  [`time_to_labels{scenario:${scenario}}`]: [within('p(95)', 10_000)],
  [`labelled{scenario:${scenario}}`]: ['rate==1'],
});

/** Nearly every request of a viewer is served by the region at home there: the reason to have several. */
export const homeSlo = (scenario: string): Thresholds => ({
  [`served_home{scenario:${scenario}}`]: ['rate>0.99'],
});

/**
 * The rate that was promised was kept: an arrival without a free VU is dropped, and what was measured then is another,
 * easier test.
 */
export const rateKept = (scenario: string): Thresholds => ({
  [`dropped_iterations{scenario:${scenario}}`]: ['count==0'],
});

/**
 * A viewer of a region that dies is served by the next one within 95 s: 30 s until health checks agree, 60 s of the
 * records' TTL. `-e MAX_OUTAGE=150s` for a region that is drained.
 */
export const outageSlo = (scenario: string, maxOutageSeconds: number): Thresholds => ({
  [`outage{scenario:${scenario}}`]: [`max<${maxOutageSeconds * 1000}`],
});

/** In a place whose region stays, nobody notices that another has gone; nor does anybody once traffic has moved. */
export const unnoticed = (filter: string): Thresholds => ({ [`http_req_failed{${filter}}`]: [availability] });

/** Aurora's storage replicates between regions in less than a second, typically. */
export const replicationSlo = (to: string): Thresholds => ({
  [`replication_lag{to:${to}}`]: [within('p(95)', 1000), within('max', 5000)],
  [`visible{to:${to}}`]: ['rate==1'],
});
