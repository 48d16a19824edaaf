/** The module `k6/encoding`. */

import { Buffer } from 'node:buffer';
import { only } from './vu.ts';

const variants = ['std', 'rawstd', 'url', 'rawurl'] as const;
type Variant = (typeof variants)[number];

function known(variant: string): Variant {
  if (!variants.includes(variant as Variant)) {
    throw new Error(`got base64 variant '${variant}', expected one of ${variants.join(', ')}`);
  }
  return variant as Variant;
}

export function b64encode(input: string | ArrayBuffer, variant = 'std'): string {
  const bytes = typeof input === 'string' ? Buffer.from(input) : Buffer.from(new Uint8Array(input));
  const url = known(variant).endsWith('url');
  const text = bytes.toString(url ? 'base64url' : 'base64');
  if (variant === 'url') return text.padEnd(Math.ceil(text.length / 4) * 4, '=');
  return variant === 'rawstd' ? text.replace(/=+$/, '') : text;
}

export function b64decode(input: string, variant = 'std', format?: string): string | ArrayBuffer {
  known(variant);
  const bytes = Buffer.from(input, 'base64');
  return format === 's' ? bytes.toString('utf8') : new Uint8Array(bytes).buffer;
}

export default only('k6/encoding', { b64encode, b64decode });
