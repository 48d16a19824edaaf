/** AWS clients with the time limits that a request or a job can bear. */

import { S3Client } from '@aws-sdk/client-s3';

/** Milliseconds to connect and to wait for an answer; one more try after a failure. */
export const awsTimeouts = {
  maxAttempts: 2,
  requestHandler: { connectionTimeout: 1000, requestTimeout: 3000 },
} as const;

/**
 * S3 clients by region, each made on first use. A picture lies in the region that its key names, which is mostly
 * the own one.
 */
export class S3Clients {
  readonly #clients = new Map<string, S3Client>();

  in(region: string): S3Client {
    const known = this.#clients.get(region);
    if (known) return known;
    const client = new S3Client({
      region,
      ...awsTimeouts,
      // The defaults would sign the CRC32 of an empty body into a presigned upload (aws-sdk-js-v3 #3906).
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
    });
    this.#clients.set(region, client);
    return client;
  }

  close(): void {
    for (const client of this.#clients.values()) client.destroy();
  }
}
