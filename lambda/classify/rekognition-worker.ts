/** The worker with Amazon Rekognition. */

import { readVariables, type WorkerVariables } from '../../contract/variables.ts';
import { ownRegion } from '../../runtime/region.ts';
import { createHandler } from './handler.ts';
import { rekognition } from './rekognition.ts';

export const handler = createHandler(async () =>
  rekognition(
    ownRegion(),
    readVariables<Pick<WorkerVariables, 'MEDIA_BUCKET'>>(['MEDIA_BUCKET']).MEDIA_BUCKET,
  ),
);
