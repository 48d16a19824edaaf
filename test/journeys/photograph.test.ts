/** The main job, in every region: a photograph goes in, a worker names what is in it. */

import { describe, expect, test } from '@jest/globals';
import { picture } from '../support/pictures.ts';
import { sharedRun } from '../support/run.ts';
import { type Image, Viewer } from '../support/viewer.ts';

const run = sharedRun();

/** Country of a viewer → the region that serves it. */
const places = [
  { country: 'US', region: 'us-east-1' },
  { country: 'DE', region: 'eu-west-1' },
  { country: 'JP', region: 'ap-southeast-1' },
] as const;

describe.each(places)('a viewer in $country', ({ country, region }) => {
  test(`is served by ${region} and sees labels without a reload`, async () => {
    const viewer = await Viewer.in(country, run.site);
    const stream = await viewer.events();
    try {
      const [cat, cup] = await Promise.all([
        viewer.upload(picture('chelsea')),
        viewer.upload(picture('coffee')),
      ]);
      expect([cat.region, cup.region]).toEqual([region, region]);
      expect(cat.slot.key).toBe(`media/${region}/${cat.slot.id}`);

      const event = await stream.next<{ imageId: string; labels: { name: string }[]; region: string }>(
        ({ imageId }) => imageId === cat.slot.id,
      );
      expect(event.region).toBe(region);
      expect(event.labels.map(({ name }) => name)).toContain('cat');

      const image = await viewer.result(cup.slot.id);
      expect(image.status).toBe('classified');
      expect(image.labels!.map(({ name }) => name)).toContain('cup');

      const shown = await viewer.fetch(image.url);
      expect(shown.status).toBe(200);
      expect(shown.headers.get('content-type')).toBe('image/png');
      expect(Buffer.from(await shown.arrayBuffer()).equals(picture('coffee'))).toBe(true);
    } finally {
      stream.close();
    }
  });
});

test('a result is seen live by a stream in another region, and read there', async () => {
  const [here, there] = await Promise.all([Viewer.in('JP', run.site), Viewer.in('DE', run.site)]);
  const stream = await there.events();
  try {
    const { slot } = await here.upload(picture('chelsea'));
    const event = await stream.next<{ imageId: string; region: string }>(
      ({ imageId }) => imageId === slot.id,
    );
    expect(event.region).toBe('ap-southeast-1');
    const image = await there.result(slot.id);
    expect(image.labels!.map(({ name }) => name)).toContain('cat');
  } finally {
    stream.close();
  }
});

test('the newest pictures of all regions are listed', async () => {
  const viewer = await Viewer.in('US', run.site);
  const { slot } = await viewer.upload(picture('camera'));
  await viewer.result(slot.id);
  const { body } = await viewer.call<{ images: Image[] }>('GET', '/api/images');
  const listed = body.images.find(({ id }) => id === slot.id);
  expect(listed?.labels?.map(({ name }) => name)).toContain('person');
});
