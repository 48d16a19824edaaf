/**
 * When a region goes, how long do its viewers wait for the next one, and does anybody else notice?
 *
 * Start it, and take the region away (`npx meridian down REGION`, or a drill) in the first half of `-e DURATION`;
 * `-e LOST` names the region. Then traffic must have moved, within `-e MAX_OUTAGE`, and the last quarter of the run
 * must be as good as ever.
 *
 * k6 keeps addresses for five minutes and never asks again for an open connection (grafana/k6 #726, #1850), and waits
 * a minute for an answer. Each of the three alone hides the move: addresses are not kept here, connections not used
 * twice, and a request is given up after some seconds.
 */

import { check, sleep } from 'k6';
import exec from 'k6/execution';
import { Trend } from 'k6/metrics';
import type { Options } from 'k6/options';
import {
  createTestData,
  readPicture,
  removeTestData,
  submit,
  type TestData,
  testerAt,
} from './lib/pictures.ts';
import { currentPlace, places } from './lib/places.ts';
import { expectToSee, mustSee, saw } from './lib/seen.ts';
import { durationSetting, numberSetting, secondsOf } from './lib/settings.ts';
import { loyal } from './lib/shapes.ts';
import { servedBy, Visitor } from './lib/site.ts';
import { summarize, trendStats } from './lib/summary.ts';
import { outageSlo, unnoticed } from './lib/thresholds.ts';

const question = 'When a region goes, how long do its viewers wait, and does anybody else notice?';
const lost = __ENV['LOST'] ?? '';
const duration = durationSetting('DURATION', '10m');
const maxOutage = secondsOf(durationSetting('MAX_OUTAGE', '95s'), 'MAX_OUTAGE');
/** Above the 3 s in which CloudFront gives up a connection, and not much. */
const timeout = durationSetting('TIMEOUT', '5s');
const viewers = numberSetting('VIEWERS_PER_PLACE', 5);
const picture = readPicture(open('../samples/pictures/chelsea.png', 'b'));

if (!lost) throw new Error('say -e LOST=region: the one that goes while this runs');

const isLosing = (place: { home?: string }): boolean => (place.home ?? lost) === lost;
const losing = places.filter(isLosing);
if (losing.length === 0) {
  throw new Error(`no viewer is at home in ${lost}, only in ${places.map(({ name }) => name).join(', ')}`);
}

const sights = places.flatMap((place) => [
  `served-${place.name}`,
  `late-${place.name}`,
  `accepted-late-${place.name}`,
  ...(isLosing(place) ? [`moved-${place.name}`] : []),
]);

/** Each viewer uploads a picture once in so many looks. */
const looksPerUpload = 10;

/** How long a viewer has had no answer, in milliseconds; 0 for one that is served. */
const outage = new Trend('outage', true);

export const options: Options = {
  dns: { ttl: '0', select: 'random', policy: 'preferIPv4' },
  noConnectionReuse: true,
  scenarios: Object.fromEntries(places.map(({ name }) => [name, loyal(duration, 'look', name, viewers)])),
  thresholds: Object.assign(
    mustSee(sights),
    ...places.map((place) => ({
      ...outageSlo(place.name, maxOutage),
      ...unnoticed(`scenario:${place.name},phase:late`),
      ...(!isLosing(place) && unnoticed(`scenario:${place.name}`)),
    })),
  ),
  summaryTrendStats: trendStats,
};

export function setup(): TestData {
  expectToSee(sights);
  const data = createTestData(picture);
  for (const place of losing) {
    const region = servedBy(testerAt(place, data).images());
    if (region !== lost)
      exec.test.abort(`${place.name} is served by ${region}: losing ${lost} would show nothing`);
  }
  return data;
}

/** Of this viewer alone: every VU has its own. */
let unservedSince: number | undefined;

export function look(data: TestData): void {
  const place = currentPlace();
  const late = exec.scenario.progress > 0.75;
  const tags = { phase: late ? 'late' : 'early' };
  const visitor = new Visitor(place, data.cookies[place.name] ?? {}, timeout, tags);

  const asked = Date.now();
  const answer = visitor.images();
  if (check(answer, { 'a viewer is served': (one) => one.status === 200 }, tags)) {
    outage.add(unservedSince === undefined ? 0 : Date.now() - unservedSince);
    unservedSince = undefined;
    saw(`served-${place.name}`);
    if (late) saw(`late-${place.name}`);
    if (isLosing(place) && servedBy(answer) !== lost) saw(`moved-${place.name}`);
    if (exec.vu.iterationInScenario % looksPerUpload === 0 && submit(visitor, picture) && late) {
      saw(`accepted-late-${place.name}`);
    }
  } else {
    unservedSince = unservedSince ?? asked;
    outage.add(Date.now() - unservedSince);
  }
  sleep(1);
}

export function teardown(data: TestData): void {
  removeTestData(data);
}

export const handleSummary = (data: Parameters<typeof summarize>[2]): Record<string, string> =>
  summarize('failover', question, data);
