/**
 * Are the promises kept under load? `-e SHAPE=ramp` (does it scale), `spike` (does it survive a front page), `soak`
 * (does it leak). `-e RATE` is page views per second over all places, `-e DURATION` the time at full height.
 */

import type { Options } from 'k6/options';
import {
  awaitLabels,
  createImages,
  createTestData,
  readPicture,
  removeTestData,
  submit,
  type TestData,
  testerAt,
} from './lib/pictures.ts';
import { currentPlace, places } from './lib/places.ts';
import { expectToSee, mustSee, saw } from './lib/seen.ts';
import { numberSetting } from './lib/settings.ts';
import { readShape, shaped } from './lib/shapes.ts';
import { answered, type Image } from './lib/site.ts';
import { summarize, trendStats } from './lib/summary.ts';
import {
  acceptSlo,
  homeSlo,
  labelsPatienceSeconds,
  labelsSlo,
  rateKept,
  readSlo,
  spikeSlo,
} from './lib/thresholds.ts';

const question = 'Are the promises kept under load?';
const shape = readShape(__ENV['SHAPE'] ?? 'ramp');
const viewsPerSecond = numberSetting('RATE', 30);
const picture = readPicture(open('../samples/pictures/chelsea.png', 'b'));

/** One upload for so many page views: most people look. */
const viewsPerUpload = 50;

const perPlace = (viewsPerSecond * 60) / places.length;
const sights = places.flatMap(({ name }) => [`view-${name}`, `labels-${name}`]);
const reader = (name: string): string => `read-${name}`;
const uploader = (name: string): string => `upload-${name}`;

export const options: Options = {
  scenarios: Object.fromEntries(
    places.flatMap(({ name }) => [
      [reader(name), shaped(shape, { exec: 'view', place: name, perMinute: perPlace, busySeconds: 2 })],
      [
        uploader(name),
        shaped(shape, {
          exec: 'upload',
          place: name,
          perMinute: Math.max(1, perPlace / viewsPerUpload),
          busySeconds: 15,
          patienceSeconds: labelsPatienceSeconds,
        }),
      ],
    ]),
  ),
  thresholds: Object.assign(
    mustSee(sights),
    ...places.map(({ name, home }) => ({
      ...(shape === 'spike' ? spikeSlo(reader(name)) : readSlo(reader(name))),
      ...acceptSlo(uploader(name)),
      ...labelsSlo(uploader(name)),
      ...rateKept(reader(name)),
      ...rateKept(uploader(name)),
      ...(home && homeSlo(reader(name))),
    })),
  ),
  // A cold worker at each place, one after the other.
  setupTimeout: '10m',
  summaryTrendStats: trendStats,
};

interface LoadData extends TestData {
  /** Place → a picture to look at. */
  readonly images: Readonly<Record<string, Image>>;
}

export function setup(): LoadData {
  expectToSee(sights);
  const data = createTestData(picture);
  return { ...data, images: createImages(picture, data) };
}

/** A look at the page, the newest pictures and one of them. */
export function view(data: LoadData): void {
  const place = currentPlace();
  const visitor = testerAt(place, data);
  const page = answered(visitor.page(), 200, 'the page is there');
  const list = answered(visitor.images(), 200, 'pictures are listed');
  const one = answered(visitor.image(data.images[place.name]!.id), 200, 'a picture is described');
  if (page && list && one) saw(`view-${place.name}`);
}

export function upload(data: TestData): void {
  const place = currentPlace();
  const visitor = testerAt(place, data);
  const accepted = submit(visitor, picture);
  if (accepted && awaitLabels(visitor, accepted)) saw(`labels-${place.name}`);
}

export function teardown(data: TestData): void {
  removeTestData(data);
}

export const handleSummary = (data: Parameters<typeof summarize>[2]): Record<string, string> =>
  summarize(`load-${shape}`, question, data);
