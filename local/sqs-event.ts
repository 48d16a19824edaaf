/** The event that Lambda makes of messages ("Using Lambda with Amazon SQS", example message event). */

import type { Message } from '@aws-sdk/client-sqs';
import type { SQSEvent, SQSRecord } from 'aws-lambda';

export function sqsEvent(messages: readonly Message[], queueArn: string, region: string): SQSEvent {
  return { Records: messages.map((message) => record(message, queueArn, region)) };
}

function record(message: Message, queueArn: string, region: string): SQSRecord {
  const { MessageId, ReceiptHandle, Body, Attributes, MessageAttributes = {}, MD5OfBody } = message;
  const { MD5OfMessageAttributes } = message;
  return {
    messageId: MessageId!,
    receiptHandle: ReceiptHandle!,
    body: Body ?? '',
    attributes: { ...Attributes } as SQSRecord['attributes'],
    messageAttributes: Object.fromEntries(
      Object.entries(MessageAttributes).map(([name, { StringValue, BinaryValue, DataType }]) => [
        name,
        {
          ...(StringValue !== undefined && { stringValue: StringValue }),
          ...(BinaryValue !== undefined && { binaryValue: Buffer.from(BinaryValue).toString('base64') }),
          stringListValues: [],
          binaryListValues: [],
          dataType: DataType as 'String',
        },
      ]),
    ),
    md5OfBody: MD5OfBody!,
    ...(MD5OfMessageAttributes && { md5OfMessageAttributes: MD5OfMessageAttributes }),
    eventSource: 'aws:sqs',
    eventSourceARN: queueArn,
    awsRegion: region,
  };
}
