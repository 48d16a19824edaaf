/** Working through a batch of queue messages, one after the other, with partial failures. */

import type { Context, SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda';
import type { Logger } from './log.ts';

/** Milliseconds before the function's timeout from which no further record is begun. */
const reserveMs = 1500;

/**
 * Calls `work` for every record. A record whose work throws is reported as failed: it is delivered again and, in
 * the end, goes to the dead-letter queue. So is one for which no time is left, or the whole batch would be lost.
 */
export async function eachRecord(
  event: SQSEvent,
  context: Pick<Context, 'getRemainingTimeInMillis'>,
  log: Logger,
  work: (record: SQSRecord) => Promise<void>,
): Promise<SQSBatchResponse> {
  const batchItemFailures: { itemIdentifier: string }[] = [];
  for (const record of event.Records) {
    const { messageId } = record;
    if (context.getRemainingTimeInMillis() < reserveMs) {
      log.warn({ messageId }, 'no time left for this record');
      batchItemFailures.push({ itemIdentifier: messageId });
      continue;
    }
    try {
      await work(record);
    } catch (error) {
      log.error({ messageId, err: error }, 'record failed');
      batchItemFailures.push({ itemIdentifier: messageId });
    }
  }
  return { batchItemFailures };
}
