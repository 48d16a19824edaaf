/**
 * After a write in one region, how long until every other region shows it?
 *
 * `-e WRITES` pictures are sent at each place; then all places are asked for the result, again and again. The lag of a
 * region is counted from the moment at which the first one, any one, has it: how long a worker takes is not part of it.
 */

import { sleep } from 'k6';
import http from 'k6/http';
import { Rate, Trend } from 'k6/metrics';
import type { Options } from 'k6/options';
import {
  createTestData,
  readPicture,
  removeTestData,
  submit,
  type TestData,
  testerAt,
} from './lib/pictures.ts';
import { currentPlace, needPlaces, places } from './lib/places.ts';
import { expectToSee, mustSee, saw } from './lib/seen.ts';
import { numberSetting } from './lib/settings.ts';
import { inTurn } from './lib/shapes.ts';
import type { Image, Visitor } from './lib/site.ts';
import { summarize, trendStats } from './lib/summary.ts';
import { replicationSlo } from './lib/thresholds.ts';

needPlaces(2);

const question = 'After a write in one region, how long until every other region shows it?';
const writes = numberSetting('WRITES', 20);
const picture = readPicture(open('../samples/pictures/chelsea.png', 'b'));
const sights = places.map(({ name }) => `everywhere-from-${name}`);

/** Seconds between two looks: what a lag is measured to. */
const pollSeconds = 0.05;
/** Looks after which a write counts as lost. */
const mostLooks = 60 / pollSeconds;

const lag = new Trend('replication_lag', true);
const visible = new Rate('visible');

export const options: Options = {
  scenarios: Object.fromEntries(places.map(({ name }) => [name, inTurn('write', name, writes)])),
  thresholds: Object.assign(mustSee(sights), ...places.map(({ name }) => replicationSlo(name))),
  summaryTrendStats: trendStats,
};

export function setup(): TestData {
  expectToSee(sights);
  return createTestData(picture);
}

export function write(data: TestData): void {
  const place = currentPlace();
  const visitors = places.map((one) => testerAt(one, data));
  const accepted = submit(testerAt(place, data), picture);
  if (!accepted) return;

  const from = place.name;
  let first: number | undefined;
  let missing: readonly Visitor[] = visitors;
  for (let looks = 0; looks < mostLooks && missing.length > 0; looks++) {
    const answers = http.batch(missing.map((one) => one.imageRequest(accepted.id)));
    const now = Date.now();
    missing = missing.filter((one, i) => {
      const answer = answers[i];
      if (answer?.status !== 200) return true;
      if ((answer.json() as unknown as Image).status === 'waiting') return true;
      first = first ?? now;
      lag.add(now - first, { from, to: one.place.name });
      visible.add(true, { from, to: one.place.name });
      return false;
    });
    if (missing.length > 0) sleep(pollSeconds);
  }
  for (const one of missing) visible.add(false, { from, to: one.place.name });
  if (missing.length === 0) saw(`everywhere-from-${from}`);
}

export function teardown(data: TestData): void {
  removeTestData(data);
}

export const handleSummary = (data: Parameters<typeof summarize>[2]): Record<string, string> =>
  summarize('replication', question, data);
