/** Does every promise hold once, from every place? One person each: page, list, a picture and its labels. */

import { check, group } from 'k6';
import type { Options } from 'k6/options';
import {
  awaitLabels,
  createTestData,
  readPicture,
  removeTestData,
  submit,
  type TestData,
  testerAt,
} from './lib/pictures.ts';
import { currentPlace, places } from './lib/places.ts';
import { expectToSee, mustSee, saw } from './lib/seen.ts';
import { inTurn } from './lib/shapes.ts';
import { answered, servedBy } from './lib/site.ts';
import { summarize, trendStats } from './lib/summary.ts';

const question = 'Does every promise hold once, from every place?';
const picture = readPicture(open('../samples/pictures/chelsea.png', 'b'));
const steps = ['page', 'list', 'labels', 'picture'];
const sights = places.flatMap(({ name }) => steps.map((step) => `${step}-${name}`));

export const options: Options = {
  scenarios: Object.fromEntries(places.map(({ name }) => [name, inTurn('visit', name, 1)])),
  thresholds: {
    ...mustSee(sights),
    // Each of these is a promise: one that does not hold is a broken system, not a slow one.
    checks: ['rate==1'],
    http_req_failed: ['rate==0'],
  },
  summaryTrendStats: trendStats,
};

export function setup(): TestData {
  expectToSee(sights);
  return createTestData(picture);
}

export function visit(data: TestData): void {
  const place = currentPlace();
  const visitor = testerAt(place, data);

  group('page', () => {
    const page = visitor.page();
    const ok = answered(page, 200, 'the page is there');
    if (check(page, { 'it is a page': (one) => String(one.body).includes('<html') }) && ok)
      saw(`page-${place.name}`);
  });

  group('list', () => {
    const list = visitor.images();
    const ok = answered(list, 200, 'pictures are listed');
    const home = check(list, {
      'the region at home serves': (one) => !place.home || servedBy(one) === place.home,
    });
    if (ok && home) saw(`list-${place.name}`);
  });

  group('picture', () => {
    const accepted = submit(visitor, picture);
    const image = accepted && awaitLabels(visitor, accepted);
    if (check(image, { 'it has labels': (one) => (one?.labels?.length ?? 0) > 0 }))
      saw(`labels-${place.name}`);
    if (image && answered(visitor.picture(image.url), 200, 'the picture is shown'))
      saw(`picture-${place.name}`);
  });
}

export function teardown(data: TestData): void {
  removeTestData(data);
}

export const handleSummary = (data: Parameters<typeof summarize>[2]): Record<string, string> =>
  summarize('smoke', question, data);
