import { S3ServiceException } from '@aws-sdk/client-s3';
import { expect, test } from '@jest/globals';
import { openMedia } from '../../web/media.ts';

const id = '01a20cb5-8f76-759a-b292-cb4b79d094af';

/** Media whose buckets answer every look with one status. */
function media(status: number) {
  const answer = new S3ServiceException({
    name: 'Error',
    $fault: 'client',
    $metadata: { httpStatusCode: status },
  });
  return openMedia(
    { in: () => ({ send: () => Promise.reject(answer) }) } as never,
    'media-eu-west-1',
    'eu-west-1',
    ['eu-west-1'],
  );
}

test('an object that may not be seen is absent: without the right to list, S3 says so of what is not there', async () => {
  expect(await media(403).locate(id)).toBeUndefined();
  expect(await media(403).drained('us-east-1')).toBe(false);
});

test('a bucket that fails is not taken for an empty one', async () => {
  await expect(media(503).locate(id)).rejects.toThrow();
  await expect(media(503).find('eu-west-1', `media/eu-west-1/${id}`)).rejects.toThrow();
});
