/** Where uploaded pictures lie, and what may be uploaded. */

/** Limits that hold for every engine (Rekognition's DetectLabels quotas, and our own size limit). */
export const pictureLimits = {
  contentTypes: ['image/jpeg', 'image/png'],
  maxBytes: 10 * 1024 * 1024,
  minSidePx: 80,
  maxSidePx: 10_000,
  maxPixels: 50_000_000,
} as const;

/** Signed metadata headers of an upload: who owns it and which image it is. */
export const uploadMetadata = { owner: 'x-amz-meta-owner', imageId: 'x-amz-meta-image-id' } as const;

/** Object key of an image uploaded in a region. */
export const mediaKey = (region: string, imageId: string): string => `media/${region}/${imageId}`;

/** Region and image id of a key that `mediaKey` made, or undefined for any other text. */
export function parseMediaKey(key: string): { region: string; imageId: string } | undefined {
  const match = /^media\/([a-z]{2}(?:-[a-z]+)+-\d)\/([0-9a-f-]{36})$/.exec(key);
  return match ? { region: match[1]!, imageId: match[2]! } : undefined;
}

/**
 * The media bucket of another region. Bucket names are deterministic and differ in the region alone, so no
 * variable has to name another region's bucket.
 */
export const mediaBucketOf = (region: string, ownBucket: string, ownRegion: string): string =>
  ownBucket.replace(ownRegion, region);

/** Cache key of an image's row: the service reads through it, workers of every region delete it. */
export const imageCacheKey = (imageId: string): string => `image:{${imageId}}`;
