/** The job queue, as the service that fills it sees it. */

import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import type { Job } from '../contract/job.ts';
import { awsTimeouts } from '../runtime/clients.ts';

export interface Jobs {
  /** Resolves when the queue has the job for good. */
  submit(job: Job): Promise<void>;
  close(): void;
}

export function openJobs(queueUrl: string): Jobs {
  // The endpoint is the region's, as for every other service; the URL only names the queue.
  const client = new SQSClient({ ...awsTimeouts, useQueueUrlAsEndpoint: false });
  return {
    async submit(job) {
      await client.send(
        new SendMessageCommand({
          QueueUrl: queueUrl,
          MessageBody: JSON.stringify(job),
          // Fair queues: an owner with many pictures does not delay the others.
          MessageGroupId: job.owner,
        }),
      );
    },
    close: () => client.destroy(),
  };
}
