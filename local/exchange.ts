/** One request to a service of this machine, with its whole answer. Lighter than fetch, for processes by the dozen. */

import { Agent, type IncomingHttpHeaders, type OutgoingHttpHeaders, request } from 'node:http';
import type { Endpoint } from '../contract/endpoint.ts';

export interface Exchange {
  readonly method: string;
  readonly path: string;
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: Buffer | string;
  /** Gives the request up. */
  readonly signal?: AbortSignal;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** Longest silence of a service, in milliseconds: more than a long poll of SQS. */
const timeoutMs = 30_000;

const agent = new Agent({ keepAlive: true, maxFreeSockets: 16 });

/** Rejects when no answer comes, or none that is complete. */
export function exchange(endpoint: Endpoint, { body, ...options }: Exchange): Promise<Answer> {
  const headers = {
    ...options.headers,
    ...(body !== undefined && { 'content-length': Buffer.byteLength(body) }),
  };
  return new Promise((resolve, reject) => {
    const outgoing = request({ ...endpoint, ...options, headers, agent, timeout: timeoutMs });
    outgoing.once('error', reject);
    outgoing.once('timeout', () => outgoing.destroy(new Error(`no answer from port ${endpoint.port}`)));
    outgoing.once('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('error', reject);
      response.once('end', () =>
        resolve({ status: response.statusCode!, headers: response.headers, body: Buffer.concat(chunks) }),
      );
    });
    outgoing.end(body);
  });
}
