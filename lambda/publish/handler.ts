/** Puts the client's files, which are in this function's own zip, into the region's bucket, and never deletes any. */

import { join } from 'node:path';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { paths } from '../../contract/http.ts';
import { type PublishVariables, readVariables } from '../../contract/variables.ts';
import { immutable, readClientFiles } from '../../runtime/client-files.ts';
import { awsTimeouts } from '../../runtime/clients.ts';

/** @returns the keys that were written */
export async function handler(): Promise<string[]> {
  const { ASSETS_BUCKET } = readVariables<PublishVariables>(['ASSETS_BUCKET']);
  const { files } = await readClientFiles(join(import.meta.dirname, 'client'));
  const client = new S3Client(awsTimeouts);
  // CloudFront passes the whole path as the key.
  const prefix = paths.assets.slice(1);
  return Promise.all(
    [...files].map(async ([name, { contentType, body }]) => {
      const key = prefix + name;
      await client.send(
        new PutObjectCommand({
          Bucket: ASSETS_BUCKET,
          Key: key,
          Body: body,
          ContentType: contentType,
          CacheControl: immutable,
        }),
      );
      return key;
    }),
  );
}
