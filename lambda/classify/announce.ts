/** Tells everybody that a job is done. */

import { PublishCommand, SNSClient } from '@aws-sdk/client-sns';
import { eventChannel, type ImageEvent } from '../../contract/event.ts';
import { imageCacheKey } from '../../contract/media.ts';
import type { Cache } from '../../runtime/cache.ts';
import { awsTimeouts } from '../../runtime/clients.ts';

/** @throws Error when the other regions could not be told; the own region's cache may be away */
export type Announce = (event: ImageEvent) => Promise<void>;

/** @param topicArn this region's topic, which the other regions listen to; undefined with one region */
export function openAnnounce(cache: Cache, topicArn: string | undefined): Announce {
  const client = topicArn ? new SNSClient(awsTimeouts) : undefined;
  return async (event) => {
    const message = JSON.stringify(event);
    // First the stale entry, then the news that makes pages ask for it.
    await cache.delete(imageCacheKey(event.imageId));
    await cache.publish(eventChannel, message);
    await client?.send(new PublishCommand({ TopicArn: topicArn, Message: message }));
  };
}
