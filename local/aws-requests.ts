/** The few calls that the run itself makes to a region's SQS and SNS: unsigned, and light enough for a host. */

import type { Endpoint } from '../contract/endpoint.ts';
import { exchange } from './exchange.ts';

/** An answer other than 2xx. */
export class ServiceError extends Error {
  readonly status: number;
  constructor(call: string, status: number, body: string) {
    super(`${call} was answered with ${status}: ${body.slice(0, 300)}`);
    this.name = 'ServiceError';
    this.status = status;
  }
}

/**
 * A call of SQS in its JSON protocol, as `sqs(endpoint, 'ReceiveMessage', { QueueUrl })`.
 * @throws ServiceError, or the error of a connection that failed
 */
export function sqs<R>(endpoint: Endpoint, action: string, body: unknown, signal?: AbortSignal): Promise<R> {
  const headers = { 'content-type': 'application/x-amz-json-1.0', 'x-amz-target': `AmazonSQS.${action}` };
  return post(endpoint, `SQS ${action}`, headers, JSON.stringify(body), signal).then(
    (text) => JSON.parse(text) as R,
  );
}

/** A call of SNS in its query protocol; the answer is XML. */
export function sns(
  endpoint: Endpoint,
  action: string,
  parameters: Readonly<Record<string, string>>,
): Promise<string> {
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  const body = new URLSearchParams({ Action: action, Version: '2010-03-31', ...parameters });
  return post(endpoint, `SNS ${action}`, headers, body.toString());
}

async function post(
  endpoint: Endpoint,
  call: string,
  headers: Readonly<Record<string, string>>,
  text: string,
  signal?: AbortSignal,
): Promise<string> {
  const options = { method: 'POST', path: '/', headers, body: text, ...(signal && { signal }) };
  const { status, body } = await exchange(endpoint, options);
  if (status >= 300) throw new ServiceError(call, status, body.toString());
  return body.toString();
}
