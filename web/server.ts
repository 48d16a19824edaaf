/** Starts the web service: reads the variables, opens what it needs, listens, and closes on SIGTERM. */

import { join } from 'node:path';
import { eventChannel } from '../contract/event.ts';
import { timeouts } from '../contract/http.ts';
import { readVariables, type WebVariables } from '../contract/variables.ts';
import { openCache } from '../runtime/cache.ts';
import { cacheAside } from '../runtime/cache-aside.ts';
import { readClientFiles } from '../runtime/client-files.ts';
import { S3Clients } from '../runtime/clients.ts';
import { openDatabase } from '../runtime/database.ts';
import { createLogger } from '../runtime/log.ts';
import { ownRegion } from '../runtime/region.ts';
import { subscribe } from '../runtime/subscription.ts';
import { buildApp } from './app.ts';
import { EventStreams } from './event-streams.ts';
import { openImages } from './images.ts';
import { openJobs } from './jobs.ts';
import { openMedia } from './media.ts';
import { Readiness } from './readiness.ts';
import { taskName } from './task.ts';

/** Milliseconds that an image may be stale at most, should the message that deletes it be lost. */
const imageTtlMs = 60_000;

const variables = readVariables<WebVariables>([
  'DATABASE_HOST',
  'DATABASE_READER_HOST',
  'DATABASE_NAME',
  'CACHE_HOST',
  'CACHE_NAME',
  'CACHE_USER',
  'CACHE_KIND',
  'REGIONS',
  'MEDIA_BUCKET',
  'JOB_QUEUE_URL',
  'PORT',
]);
const region = ownRegion();
const regions = variables.REGIONS.split(',');
const log = createLogger('web');

const database = openDatabase(variables, log);
const cache = openCache(variables, log);
const buckets = new S3Clients();
const jobs = openJobs(variables.JOB_QUEUE_URL);
const streams = new EventStreams();
const subscription = subscribe(variables, eventChannel, (json) => streams.broadcast(json), log);

const app = buildApp({
  region,
  regions,
  task: taskName(),
  media: openMedia(buckets, variables.MEDIA_BUCKET, region, regions),
  jobs,
  images: openImages(database, cacheAside(cache, imageTtlMs)),
  readiness: new Readiness(database),
  streams,
  client: await readClientFiles(join(import.meta.dirname, 'client')),
  log,
});

app.addHook('onClose', async () => {
  await Promise.all([subscription.close(), database.close()]);
  cache.close();
  jobs.close();
  buckets.close();
});

/** Requests in flight are answered first; what hangs is cut off before the platform does it. */
async function close(signal: string): Promise<void> {
  log.info({ signal }, 'closing');
  setTimeout(() => process.exit(1), (timeouts.stop - 5) * 1000).unref();
  await app.close();
  // Timers of libraries would keep an idle process for seconds.
  process.exit(0);
}
process.once('SIGTERM', close);
process.once('SIGINT', close);

await app.listen({ host: process.env['LISTEN_HOST'] ?? '::', port: Number(variables.PORT) });
