/** Uploads: presigned requests, and what the buckets say of what was uploaded. */

import { HeadObjectCommand, NotFound, PutObjectCommand, S3ServiceException } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { drainKey } from '../contract/http.ts';
import { mediaBucketOf, mediaKey, uploadMetadata } from '../contract/media.ts';
import type { S3Clients } from '../runtime/clients.ts';

/** Seconds that a presigned upload may be started in. */
const uploadSeconds = 300;

/** What a client says of a picture before it uploads it. */
export interface Claim {
  readonly imageId: string;
  readonly owner: string;
  readonly contentType: string;
  /** Bytes. */
  readonly size: number;
  /** Base64. */
  readonly sha256: string;
}

export interface PresignedUpload {
  readonly method: 'PUT';
  readonly url: string;
  /** Headers to send with it; they are signed, as is the length. */
  readonly headers: Readonly<Record<string, string>>;
}

/** What a bucket knows of an uploaded object. */
export interface Uploaded {
  readonly bucket: string;
  readonly contentType: string;
  readonly size: number;
  /** Absent when the object was not uploaded through a presigned request of ours. */
  readonly owner?: string;
  readonly imageId?: string;
  readonly sha256?: string;
}

export interface Media {
  presign(claim: Claim): Promise<PresignedUpload>;
  /**
   * What was uploaded under a key of a region; undefined for nothing.
   * @throws when that region's bucket does not answer
   */
  find(region: string, key: string): Promise<Uploaded | undefined>;
  /** Key of an image in this region's bucket, uploaded here or copied from another region; undefined for none. */
  locate(imageId: string): Promise<string | undefined>;
  /** Whether the object that drains a neighbour stands in this region's bucket. */
  drained(region: string): Promise<boolean>;
}

/** @param regions names of all regions, whose pictures are copied to every other */
export function openMedia(
  clients: S3Clients,
  bucket: string,
  own: string,
  regions: readonly string[],
): Media {
  const find = async (region: string, key: string): Promise<Uploaded | undefined> => {
    const name = mediaBucketOf(region, bucket, own);
    const found = await head(clients, region, name, key);
    return (
      found && {
        bucket: name,
        contentType: found.ContentType ?? '',
        size: found.ContentLength ?? 0,
        owner: found.Metadata?.[metadataName(uploadMetadata.owner)],
        imageId: found.Metadata?.[metadataName(uploadMetadata.imageId)],
        sha256: found.ChecksumSHA256,
      }
    );
  };

  return {
    find,
    async presign({ imageId, owner, contentType, size, sha256 }) {
      const headers = {
        'content-type': contentType,
        'x-amz-checksum-sha256': sha256,
        [uploadMetadata.owner]: owner,
        [uploadMetadata.imageId]: imageId,
      };
      const command = new PutObjectCommand({
        Bucket: bucket,
        Key: mediaKey(own, imageId),
        ContentType: contentType,
        ContentLength: size,
        ChecksumSHA256: sha256,
        Metadata: {
          [metadataName(uploadMetadata.owner)]: owner,
          [metadataName(uploadMetadata.imageId)]: imageId,
        },
      });
      const url = await getSignedUrl(clients.in(own), command, {
        expiresIn: uploadSeconds,
        signableHeaders: new Set(['host', 'content-length', ...Object.keys(headers)]),
        // In the query they would be defaults that nobody has to send.
        unhoistableHeaders: new Set(Object.keys(headers)),
      });
      return { method: 'PUT', url, headers };
    },
    async locate(imageId) {
      const keys = [own, ...regions.filter((region) => region !== own)].map((region) =>
        mediaKey(region, imageId),
      );
      const found = await Promise.all(keys.map((key) => head(clients, own, bucket, key)));
      return keys.find((_, i) => found[i]);
    },
    drained: async (region) => (await head(clients, own, bucket, drainKey(region))) !== undefined,
  };
}

async function head(clients: S3Clients, region: string, bucket: string, key: string) {
  try {
    return await clients
      .in(region)
      .send(new HeadObjectCommand({ Bucket: bucket, Key: key, ChecksumMode: 'ENABLED' }));
  } catch (error) {
    if (error instanceof NotFound || isHidden(error)) return undefined;
    throw error;
  }
}

/** S3 answers 403 for an object that is not there to whoever may not list the bucket ("HeadObject", S3 API). */
function isHidden(error: unknown): boolean {
  return error instanceof S3ServiceException && error.$metadata.httpStatusCode === 403;
}

/** The SDK names metadata without the prefix of its header. */
const metadataName = (header: string): string => header.replace('x-amz-meta-', '');
