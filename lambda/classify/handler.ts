/** The worker behind the job queue, for any engine. */

import type { SQSHandler } from 'aws-lambda';
import { readVariables, type WorkerVariables } from '../../contract/variables.ts';
import { openCache } from '../../runtime/cache.ts';
import { S3Clients } from '../../runtime/clients.ts';
import { openDatabase } from '../../runtime/database.ts';
import { createLogger } from '../../runtime/log.ts';
import { eachRecord } from '../../runtime/records.ts';
import { ownRegion } from '../../runtime/region.ts';
import { openAnnounce } from './announce.ts';
import type { Classifier } from './classifier.ts';
import { readPicture } from './pictures.ts';
import { openResults } from './results.ts';
import { type Tools, work } from './work.ts';

/** Milliseconds to wait, once per batch, for a cache that is not connected yet. */
const cacheConnectMs = 500;

/** @param load makes the engine; called once per process, and again only after it failed */
export function createHandler(load: () => Promise<Classifier>): SQSHandler {
  const log = createLogger('worker');
  const parts = once(async () => {
    const variables = readVariables<WorkerVariables>([
      'DATABASE_HOST',
      'DATABASE_READER_HOST',
      'DATABASE_NAME',
      'CACHE_HOST',
      'CACHE_NAME',
      'CACHE_USER',
      'CACHE_KIND',
      'MEDIA_BUCKET',
    ]);
    const cache = openCache(variables, log);
    const buckets = new S3Clients();
    // One record at a time needs one connection of each kind.
    const database = openDatabase(variables, log, { maxConnections: 1 });
    return {
      cache,
      tools: {
        region: ownRegion(),
        results: openResults(database),
        announce: openAnnounce(cache, process.env['INVALIDATION_TOPIC_ARN'] || undefined),
        readPicture: (job) => readPicture(buckets, job),
      } satisfies Omit<Tools, 'classifier'>,
    };
  });
  const engine = once(load);

  return async (event, context) => {
    const { cache, tools } = await parts();
    const [classifier] = await Promise.all([engine(), cache.ready(cacheConnectMs)]);
    return eachRecord(event, context, log, ({ body }) => work(body, { ...tools, classifier }));
  };
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make().catch((error) => {
      made = undefined;
      throw error;
    });
    return made;
  };
}
