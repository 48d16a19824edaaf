/** The service as it is deployed: its bundle as a process, from the first request to the last. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type MadeBundles, makeBundles } from '../support/bundles.ts';
import { freePort } from '../support/postgres.ts';

let bundles: MadeBundles;
const children: ChildProcess[] = [];

beforeAll(() => {
  bundles = makeBundles('rekognition');
}, 60_000);
afterAll(async () => {
  for (const child of children.filter(
    ({ exitCode, signalCode }) => exitCode === null && signalCode === null,
  )) {
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }
  bundles?.remove();
});

/** Starts a task that has nothing of its region: whatever it does, it does without. */
async function startTask(more: Readonly<Record<string, string>> = {}) {
  const port = await freePort();
  const nowhere = `127.0.0.1:${await freePort()}`;
  const child = spawn(process.execPath, ['server.mjs'], {
    cwd: bundles.web,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      AWS_REGION: 'eu-west-1',
      AWS_ACCESS_KEY_ID: 'a',
      AWS_SECRET_ACCESS_KEY: 'b',
      DATABASE_HOST: nowhere,
      DATABASE_READER_HOST: nowhere,
      DATABASE_NAME: 'meridian',
      DATABASE_TLS: 'off',
      CACHE_HOST: nowhere,
      CACHE_NAME: 'cache',
      CACHE_USER: 'user',
      CACHE_KIND: 'nodes',
      CACHE_TLS: 'off',
      REGIONS: 'eu-west-1',
      MEDIA_BUCKET: 'media-eu-west-1',
      JOB_QUEUE_URL: 'http://127.0.0.1/jobs',
      PORT: String(port),
      LISTEN_HOST: '127.0.0.1',
      ...more,
    },
  });
  children.push(child);
  let output = '';
  const listening = new Promise<void>((resolve, reject) => {
    const hear = (chunk: Buffer) => {
      output += chunk;
      if (output.includes('Server listening')) resolve();
    };
    child.stdout.on('data', hear);
    child.stderr.on('data', hear);
    child.once('exit', () => reject(new Error(output)));
  });
  return { child, listening, url: `http://127.0.0.1:${port}` };
}

describe('a task', () => {
  test('serves its page and files, and says that it is not ready', async () => {
    const { listening, url } = await startTask({
      ECS_CONTAINER_METADATA_URI_V4: 'http://169.254.170.2/v4/0123456789abcdef-12',
    });
    await listening;
    const page = await fetch(url);
    expect(page.headers.get('x-served-task')).toBe('0123456789abcdef');
    const names = [...(await page.text()).matchAll(/(?:src|href)="(\/[^"]+)"/g)].map((match) => match[1]!);
    expect(names).toHaveLength(3);
    for (const name of names) {
      const file = await fetch(url + name);
      expect([file.status, file.headers.get('cache-control')]).toEqual([
        200,
        'public, max-age=31536000, immutable',
      ]);
    }
    expect((await fetch(`${url}/healthz`)).status).toBe(503);
    expect((await fetch(`${url}/readyz`)).status).toBe(503);
  }, 20_000);

  test('that is told to stop ends its streams, answers what it was asked and goes', async () => {
    const { child, listening, url } = await startTask();
    await listening;
    const stream = await fetch(`${url}/api/events`);
    expect(stream.headers.get('content-type')).toBe('text/event-stream');
    expect(stream.headers.get('cache-control')).toMatch('no-transform');
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    expect(await stream.text()).toBe('retry: 2000\n\n');
    expect(await ended).toEqual([0, null]);
    await expect(fetch(url)).rejects.toThrow();
  }, 20_000);

  test('without its variables says which are missing and ends', async () => {
    const { child, listening } = await startTask({ PORT: '', MEDIA_BUCKET: '' });
    await expect(listening).rejects.toThrow('missing environment variables: MEDIA_BUCKET, PORT');
    expect(child.exitCode).toBe(1);
  }, 20_000);
});
