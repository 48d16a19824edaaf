/** Amazon Rekognition as the engine. */

import {
  DetectLabelsCommand,
  type Image,
  ImageTooLargeException,
  InvalidImageFormatException,
  RekognitionClient,
} from '@aws-sdk/client-rekognition';
import type { Label } from '../../contract/event.ts';
import { type Classifier, labelLimits, type Picture, Rejected } from './classifier.ts';

/** Bytes that a request may carry ("Guidelines and quotas in Amazon Rekognition"); from S3 it reads 15 MB. */
const maxRequestBytes = 5 * 1024 * 1024;

/** @param ownBucket media bucket of this region, to which pictures of other regions are copied */
export function rekognition(region: string, ownBucket: string): Classifier {
  // Throttled requests are tried again here before the whole message is.
  const client = new RekognitionClient({
    region,
    maxAttempts: 4,
    requestHandler: { connectionTimeout: 1000, requestTimeout: 10_000 },
  });
  return {
    modelVersion: 'rekognition/1',
    async classify(picture) {
      try {
        const { Labels = [] } = await client.send(
          new DetectLabelsCommand({
            Image: imageOf(picture, region, ownBucket),
            MaxLabels: labelLimits.maxLabels,
            MinConfidence: labelLimits.minScore,
          }),
        );
        return Labels.flatMap(({ Name, Confidence }): Label[] =>
          Name && Confidence !== undefined ? [{ name: Name.toLowerCase(), score: round(Confidence) }] : [],
        );
      } catch (error) {
        if (error instanceof InvalidImageFormatException)
          throw new Rejected('The picture is damaged: it cannot be decoded.');
        if (error instanceof ImageTooLargeException) throw new Rejected('The picture is too large.');
        throw error;
      }
    },
  };
}

/** Rekognition reads only buckets of its own region; until a large picture was copied there, this fails. */
function imageOf({ bytes, region, bucket, key }: Picture, own: string, ownBucket: string): Image {
  if (bytes.byteLength <= maxRequestBytes) return { Bytes: bytes };
  return { S3Object: { Bucket: region === own ? bucket : ownBucket, Name: key } };
}

const round = (score: number): number => Math.round(score * 10) / 10;
