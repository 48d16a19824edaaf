/** The module `k6/crypto`. */

import { createHash as hash, randomBytes as random } from 'node:crypto';
import { only } from './vu.ts';

type Input = string | ArrayBuffer;

const bytesOf = (input: Input): string | Uint8Array =>
  typeof input === 'string' ? input : new Uint8Array(input);

function encode(digest: Buffer, encoding: string): string | ArrayBuffer {
  switch (encoding) {
    case 'binary':
      return new Uint8Array(digest).buffer;
    case 'hex':
    case 'base64':
      return digest.toString(encoding);
    case 'base64rawurl':
      return digest.toString('base64url');
    default:
      throw new Error(`got encoding '${encoding}', expected hex, base64, base64rawurl or binary`);
  }
}

const digest =
  (algorithm: string) =>
  (input: Input, encoding: string): string | ArrayBuffer =>
    encode(hash(algorithm).update(bytesOf(input)).digest(), encoding);

export const md5 = digest('md5');
export const sha1 = digest('sha1');
export const sha256 = digest('sha256');
export const sha384 = digest('sha384');
export const sha512 = digest('sha512');

export const randomBytes = (size: number): ArrayBuffer => new Uint8Array(random(size)).buffer;

export default only('k6/crypto', { md5, sha1, sha256, sha384, sha512, randomBytes });
