/**
 * Carries another region's events into this region's cache: entries that are stale by now go, and open pages
 * hear of it. Messages are events as the worker published them (SNS with raw delivery).
 */

import type { SQSHandler } from 'aws-lambda';
import { eventChannel, parseImageEvent } from '../../contract/event.ts';
import { imageCacheKey } from '../../contract/media.ts';
import { type InvalidateVariables, readVariables } from '../../contract/variables.ts';
import { type Cache, openCache } from '../../runtime/cache.ts';
import { createLogger } from '../../runtime/log.ts';
import { eachRecord } from '../../runtime/records.ts';

/** Milliseconds to wait for a cache that is not connected yet. */
const connectMs = 2000;

const log = createLogger('invalidate');
let opened: Cache | undefined;

export const handler: SQSHandler = async (event, context) => {
  opened ??= openCache(
    readVariables<InvalidateVariables>(['CACHE_HOST', 'CACHE_NAME', 'CACHE_USER', 'CACHE_KIND']),
    log,
  );
  const cache = opened;
  await cache.ready(connectMs);
  return eachRecord(event, context, log, async ({ body }) => {
    const { imageId } = parseImageEvent(body);
    await cache.delete(imageCacheKey(imageId));
    if (!(await cache.publish(eventChannel, body))) throw new Error('the cache is away');
  });
};

/** Gives the connection up; the next event opens another. */
export function close(): void {
  opened?.close();
  opened = undefined;
}
