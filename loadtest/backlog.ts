/**
 * When pictures come faster than workers, is everything accepted at once, labelled in the end, and the site unmoved?
 *
 * `-e SENDERS` per place send `-e PICTURES` each, one a second, then wait up to `-e DRAIN` for all of them. There must
 * have been a backlog: raise SENDERS where workers keep up.
 */

import { sleep } from 'k6';
import type { Options } from 'k6/options';
import {
  type Accepted,
  createTestData,
  look,
  noteOutcome,
  readPicture,
  removeTestData,
  submit,
  type TestData,
  testerAt,
} from './lib/pictures.ts';
import { currentPlace, places } from './lib/places.ts';
import { expectToSee, mustSee, saw } from './lib/seen.ts';
import { durationSetting, numberSetting, secondsOf } from './lib/settings.ts';
import { inTurn, steady } from './lib/shapes.ts';
import { answered, type Visitor } from './lib/site.ts';
import { summarize, trendStats } from './lib/summary.ts';
import { acceptSlo, rateKept, readSlo } from './lib/thresholds.ts';

const question =
  'When pictures come faster than workers, is all of it accepted and done, and the site unmoved?';
const senders = numberSetting('SENDERS', 20);
const pictures = numberSetting('PICTURES', 30);
const drainSeconds = secondsOf(durationSetting('DRAIN', '10m'), 'DRAIN');
const picture = readPicture(open('../samples/pictures/chelsea.png', 'b'));

const sights = places.flatMap(({ name }) => [
  `accepted-${name}`,
  `backlog-${name}`,
  `done-${name}`,
  `view-${name}`,
]);
const sender = (name: string): string => `send-${name}`;
const reader = (name: string): string => `read-${name}`;

export const options: Options = {
  scenarios: Object.fromEntries(
    places.flatMap(({ name }) => [
      [sender(name), inTurn('send', name, 1, senders)],
      // As long as pictures are sent: that is when a queue could hurt those who only look.
      [reader(name), steady(`${pictures}s`, { exec: 'view', place: name, perMinute: 120, busySeconds: 2 })],
    ]),
  ),
  thresholds: Object.assign(
    mustSee(sights),
    ...places.map(({ name }) => ({
      ...acceptSlo(sender(name)),
      // Acknowledged means durable: all of them, however long the queue was.
      [`labelled{scenario:${sender(name)}}`]: ['rate==1'],
      ...readSlo(reader(name)),
      ...rateKept(reader(name)),
    })),
  ),
  summaryTrendStats: trendStats,
};

export function setup(): TestData {
  expectToSee(sights);
  return createTestData(picture);
}

export function send(data: TestData): void {
  const place = currentPlace();
  const visitor = testerAt(place, data);
  let waiting: Accepted[] = [];
  for (let sent = 0; sent < pictures; sent++) {
    const accepted = submit(visitor, picture);
    if (accepted) {
      waiting.push(accepted);
      saw(`accepted-${place.name}`);
    }
    sleep(1);
  }

  waiting = unfinished(visitor, waiting);
  console.log(`${place.name}: ${pictures} pictures sent, ${waiting.length} wait for their labels`);
  if (waiting.length > 0) saw(`backlog-${place.name}`);
  for (let waited = 0; waited < drainSeconds && waiting.length > 0; waited++) {
    sleep(1);
    waiting = unfinished(visitor, waiting);
  }
  for (const accepted of waiting) noteOutcome(accepted, undefined);
  if (waiting.length === 0) saw(`done-${place.name}`);
}

/** Those that have no result yet; the others are counted. */
function unfinished(visitor: Visitor, waiting: readonly Accepted[]): Accepted[] {
  return waiting.filter((accepted) => {
    const image = look(visitor, accepted.id);
    if (!image || image.status === 'waiting') return true;
    noteOutcome(accepted, image);
    return false;
  });
}

/** Somebody who only looks. */
export function view(data: TestData): void {
  const place = currentPlace();
  const visitor = testerAt(place, data);
  const page = answered(visitor.page(), 200, 'the page is there');
  if (answered(visitor.images(), 200, 'pictures are listed') && page) saw(`view-${place.name}`);
}

export function teardown(data: TestData): void {
  removeTestData(data);
}

export const handleSummary = (data: Parameters<typeof summarize>[2]): Record<string, string> =>
  summarize('backlog', question, data);
