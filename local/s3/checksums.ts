/** What a request claims of its body, held against the body. */

import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { crc32 } from 'node:zlib';
import { S3Error } from './error.ts';

const digest = (algorithm: string, encoding: 'base64' | 'hex') => (body: Buffer) =>
  createHash(algorithm).update(body).digest(encoding);

function crc32Text(body: Buffer): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(crc32(body));
  return bytes.toString('base64');
}

const claims: Readonly<Record<string, { name: string; of: (body: Buffer) => string }>> = {
  'content-md5': { name: 'Content-MD5', of: digest('md5', 'base64') },
  'x-amz-checksum-sha256': { name: 'SHA256', of: digest('sha256', 'base64') },
  'x-amz-checksum-sha1': { name: 'SHA1', of: digest('sha1', 'base64') },
  'x-amz-checksum-crc32': { name: 'CRC32', of: crc32Text },
};

/**
 * Checks every checksum that the headers claim. A body in signed chunks carries its own.
 * @throws S3Error BadDigest, or XAmzContentSHA256Mismatch for the signature's hash of the payload
 */
export function verifyBody(headers: IncomingHttpHeaders, body: Buffer): void {
  if (String(headers['content-encoding'] ?? '').includes('aws-chunked')) return;
  for (const [header, { name, of }] of Object.entries(claims)) {
    const claimed = headers[header];
    if (claimed !== undefined && claimed !== of(body)) {
      throw new S3Error('BadDigest', `The ${name} you specified did not match the calculated checksum.`);
    }
  }
  const hash = String(headers['x-amz-content-sha256'] ?? '');
  if (/^[0-9a-f]{64}$/.test(hash) && hash !== digest('sha256', 'hex')(body)) {
    throw new S3Error(
      'XAmzContentSHA256Mismatch',
      "The provided 'x-amz-content-sha256' header does not match what was computed.",
    );
  }
}
