/** A picture on its way: claimed, uploaded, accepted, labelled. Making test data and taking it away is only here. */

import { sleep } from 'k6';
import crypto from 'k6/crypto';
import http from 'k6/http';
import { Rate, Trend } from 'k6/metrics';
import { type Place, places, siteHeaders } from './places.ts';
import { answered, type Cookies, type Image, type Slot, Visitor } from './site.ts';
import { labelsPatienceSeconds } from './thresholds.ts';

/** A picture's bytes and what they claim to be. */
export interface Picture {
  readonly bytes: ArrayBuffer;
  readonly claim: { readonly contentType: string; readonly size: number; readonly sha256: string };
}

/** What setup makes for every function. */
export interface TestData {
  /** Place → cookies of the tester there. */
  readonly cookies: Readonly<Record<string, Cookies>>;
}

/** A picture that the service has promised to look at. */
export interface Accepted {
  readonly id: string;
  /** Unix milliseconds. */
  readonly at: number;
}

const timeToLabels = new Trend('time_to_labels', true);
const labelled = new Rate('labelled');

/** Seconds between two looks at a picture without labels. */
const pollSeconds = 0.25;

/** @param bytes of a PNG, opened by the script itself: `open` wants paths relative to that */
export const readPicture = (bytes: ArrayBuffer): Picture => ({
  bytes,
  claim: { contentType: 'image/png', size: bytes.byteLength, sha256: crypto.sha256(bytes, 'base64') },
});

/** Uploads a picture; undefined when it was not accepted, which a check has said. */
export function submit(visitor: Visitor, picture: Picture): Accepted | undefined {
  const asked = visitor.slot(picture.claim);
  if (!answered(asked, 201, 'an upload is given')) return undefined;
  const slot = asked.json() as unknown as Slot;
  if (!answered(visitor.put(slot, picture.bytes), 200, 'the upload is taken')) return undefined;
  if (!answered(visitor.complete(slot), 202, 'the picture is accepted')) return undefined;
  return { id: slot.id, at: Date.now() };
}

/** The picture's state, or undefined where it is not known. */
export function look(visitor: Visitor, id: string): Image | undefined {
  const answer = visitor.image(id, [200, 404]);
  return answer.status === 200 ? (answer.json() as unknown as Image) : undefined;
}

/** Waits for labels and measures how long they took; undefined when there are none in time. */
export function awaitLabels(visitor: Visitor, accepted: Accepted): Image | undefined {
  for (let waited = 0; waited < labelsPatienceSeconds; waited += pollSeconds) {
    const image = look(visitor, accepted.id);
    if (image && image.status !== 'waiting') {
      noteOutcome(accepted, image);
      return image;
    }
    sleep(pollSeconds);
  }
  noteOutcome(accepted, undefined);
  return undefined;
}

/** Counts a picture as labelled or not. */
export function noteOutcome(accepted: Accepted, image: Image | undefined): void {
  const ok = image?.status === 'classified';
  labelled.add(ok);
  if (ok) timeToLabels.add(Date.now() - accepted.at);
}

/** Makes one tester, who is at all places and owns whatever the run uploads. */
export function createTestData(picture: Picture): TestData {
  const [first] = places;
  const account = first ? createAccount(first, picture) : {};
  return {
    cookies: Object.fromEntries(places.map((place) => [place.name, { ...placeCookies(place), ...account }])),
  };
}

/** The tester at a place. */
export function testerAt(place: Place, data: TestData): Visitor {
  return new Visitor(place, data.cookies[place.name] ?? {});
}

/**
 * One picture with labels at each place, for those who look: place → image.
 * @throws Error when a place does not do its job even once: there is nothing to measure then
 */
export function createImages(picture: Picture, data: TestData): Record<string, Image> {
  return Object.fromEntries(
    places.map((place) => {
      const tester = testerAt(place, data);
      const accepted = submit(tester, picture);
      const image = accepted && awaitLabels(tester, accepted);
      if (!image) throw new Error(`${place.name}: a picture got no labels within ${labelsPatienceSeconds} s`);
      return [place.name, image];
    }),
  );
}

/**
 * Takes away what a run has made. The API has no accounts and no deletion: the pictures stay, under the owner that the
 * tester's cookie stands for.
 */
export function removeTestData(_data: TestData): void {}

/** The cookie by which the site knows a tester again. */
function createAccount(place: Place, picture: Picture): Cookies {
  const asked = new Visitor(place, placeCookies(place)).slot(picture.claim);
  const owner = asked.cookies['owner']?.[0]?.value;
  if (!owner) {
    throw new Error(
      `POST ${place.baseUrl}/api/images answered ${asked.status} ${asked.error}, expected 201 and an owner`,
    );
  }
  return { owner };
}

/** Cookies that make the local run's edge take a tester for somebody of the place. */
function placeCookies({ baseUrl, country }: Place): Cookies {
  if (country === undefined) return {};
  const answer = http.get(`${baseUrl}/__local/viewer?country=${country}`, {
    headers: { ...siteHeaders },
    redirects: 0,
    tags: { name: 'GET /__local/viewer', kind: 'other' },
  });
  const cookies = Object.entries(answer.cookies).map(([name, [cookie]]) => [name, cookie?.value ?? '']);
  if (answer.status >= 400 || answer.status === 0 || cookies.length === 0) {
    throw new Error(
      `${baseUrl} is no local run (/__local/viewer answered ${answer.status} ${answer.error}): leave VIEWERS out, or start it with npm start`,
    );
  }
  return Object.fromEntries(cookies);
}
