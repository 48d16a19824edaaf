/** Bad input: a clear answer each, no crash, and nothing lost on the way. */

import { describe, expect, test } from '@jest/globals';
import { picture } from '../support/pictures.ts';
import { sharedRun } from '../support/run.ts';
import { claimOf, type Image, type Slot, unknownId, Viewer } from '../support/viewer.ts';

const run = sharedRun();
const viewer = () => Viewer.in('US', run.site);
const chelsea = picture('chelsea');

describe('claims that no upload is given for', () => {
  test.each([
    ['a text file', { ...claimOf(chelsea), contentType: 'text/plain' }],
    ['more than ten megabytes', { ...claimOf(chelsea), size: 10 * 1024 * 1024 + 1 }],
    ['an empty file', { ...claimOf(chelsea), size: 0 }],
    ['no checksum', { contentType: 'image/png', size: 100 }],
    ['a checksum that is none', { ...claimOf(chelsea), sha256: 'x' }],
  ])('%s', async (_, claim) => {
    const { status, body } = await (await viewer()).call<{ title: string }>('POST', '/api/images', claim);
    expect(status).toBe(400);
    expect(JSON.stringify(body)).toMatch(/contentType|size|sha256/);
  });

  test('no JSON', async () => {
    const answer = await (await viewer()).fetch('/api/images', {
      method: 'POST',
      body: '{"contentType":',
      headers: { 'content-type': 'application/json' },
    });
    expect(answer.status).toBe(400);
    expect(answer.headers.get('content-type')).toContain('application/problem+json');
  });
});

describe('uploads that the bucket refuses', () => {
  test('other bytes than claimed', async () => {
    const person = await viewer();
    const slot = await person.slot(claimOf(chelsea));
    const other = Buffer.from(chelsea);
    other[1000]! ^= 1;
    expect((await person.put(slot, other)).status).toBe(400);
  });

  test('another length than claimed', async () => {
    const person = await viewer();
    const slot = await person.slot(claimOf(chelsea));
    expect((await person.put(slot, chelsea.subarray(0, 1000))).status).toBe(403);
  });

  test('another content type, or another owner', async () => {
    const person = await viewer();
    const slot = await person.slot(claimOf(chelsea));
    expect((await person.put(slot, chelsea, { 'content-type': 'text/html' })).status).toBe(403);
    expect((await person.put(slot, chelsea, { 'x-amz-meta-owner': 'somebody' })).status).toBe(403);
  });
});

describe('complete', () => {
  test('before the upload', async () => {
    const person = await viewer();
    const slot = await person.slot(claimOf(chelsea));
    const { status } = await person.call('POST', `/api/images/${slot.id}/complete`, { key: slot.key });
    expect(status).toBe(409);
  });

  test('twice gives the same answer twice and one result', async () => {
    const person = await viewer();
    const { slot } = await person.upload(chelsea);
    const again = await person.call<Image>('POST', `/api/images/${slot.id}/complete`, { key: slot.key });
    expect(again.status).toBe(202);
    expect(again.body.id).toBe(slot.id);
    await person.result(slot.id);
    const { body } = await person.call<{ images: Image[] }>('GET', '/api/images?limit=50');
    expect(body.images.filter(({ id }) => id === slot.id)).toHaveLength(1);
  });

  test('with the key of another image, or of no region', async () => {
    const person = await viewer();
    const slot = await person.slot(claimOf(chelsea));
    for (const key of [`media/us-east-1/${unknownId()}`, `media/eu-south-9/${slot.id}`, '../secrets']) {
      const { status } = await person.call('POST', `/api/images/${slot.id}/complete`, { key });
      expect(status).toBe(400);
    }
  });

  test('by somebody else', async () => {
    const person = await viewer();
    const slot: Slot = await person.slot(claimOf(chelsea));
    await person.put(slot, chelsea);
    const stranger = await viewer();
    const { status } = await stranger.call('POST', `/api/images/${slot.id}/complete`, { key: slot.key });
    expect(status).toBe(403);
  });
});

test('an id that no image has', async () => {
  const { status } = await (await viewer()).call('GET', `/api/images/${unknownId()}`);
  expect(status).toBe(404);
  expect((await (await viewer()).call('GET', '/api/images/42')).status).toBe(400);
});

describe('pictures that cannot be read are results with their reason', () => {
  test.each([
    ['not a picture', Buffer.from('this is no picture at all, whatever its content type says')],
    ['truncated', chelsea.subarray(0, 20_000)],
  ])('%s', async (_, bytes) => {
    const person = await viewer();
    const { slot } = await person.upload(bytes);
    const image = await person.result(slot.id);
    expect(image.status).toBe('rejected');
    expect(image.reason).toMatch(/\w{4,}/);
    // The worker lives on.
    const next = await person.upload(picture('coffee'));
    expect((await person.result(next.slot.id)).status).toBe('classified');
  });
});
