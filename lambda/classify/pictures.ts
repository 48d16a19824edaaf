/** Uploaded pictures as the worker reads them. */

import { GetObjectCommand } from '@aws-sdk/client-s3';
import type { Job } from '../../contract/job.ts';
import { parseMediaKey } from '../../contract/media.ts';
import type { S3Clients } from '../../runtime/clients.ts';
import type { Picture } from './classifier.ts';
import { Rejected } from './classifier.ts';
import { checkHeader, checkLength } from './picture.ts';

/**
 * Reads a job's picture from the region that its key names: its length is judged before anything is read, its
 * header before anything is decoded.
 * @throws Rejected when no engine should see it; any other Error when it could not be read
 */
export async function readPicture(clients: S3Clients, { bucket, key }: Job): Promise<Picture> {
  const place = parseMediaKey(key);
  if (!place) throw new Error(`got object key '${key}', expected media/<region>/<image id>`);
  const { Body, ContentLength } = await clients
    .in(place.region)
    .send(new GetObjectCommand({ Bucket: bucket, Key: key }));
  if (!Body || ContentLength === undefined) throw new Error(`the answer for ${key} has no body`);
  try {
    checkLength(ContentLength);
  } catch (error) {
    // An unread body would hold its connection.
    if (error instanceof Rejected && 'destroy' in Body) (Body as { destroy(): void }).destroy();
    throw error;
  }
  const bytes = await Body.transformToByteArray();
  checkHeader(bytes);
  return { bytes, region: place.region, bucket, key };
}
