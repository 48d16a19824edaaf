/** What a picture's first bytes say, before anything decodes it. */

import { pictureLimits } from '../../contract/media.ts';
import { Rejected } from './classifier.ts';

export interface Size {
  readonly width: number;
  readonly height: number;
}

/**
 * Size of a JPEG or PNG from its header.
 * @throws Rejected for anything else, for a header that is cut off, and for a size that no engine takes
 */
export function checkHeader(bytes: Uint8Array): Size {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const size = view.subarray(0, 8).equals(pngSignature)
    ? pngSize(view)
    : view.subarray(0, 3).equals(jpegSignature)
      ? jpegSize(view)
      : undefined;
  if (!size) throw new Rejected('This is not a JPEG or PNG picture.');
  checkSize(size);
  return size;
}

/** @throws Rejected for more bytes than a picture may have, and for none */
export function checkLength(bytes: number): void {
  if (bytes === 0) throw new Rejected('The file is empty.');
  if (bytes > pictureLimits.maxBytes) {
    throw new Rejected(`The file has ${bytes} bytes, at most ${pictureLimits.maxBytes} are read.`);
  }
}

const pngSignature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
const jpegSignature = Buffer.from([0xff, 0xd8, 0xff]);
const cutOff = 'The file is cut off.';

/** The first chunk must be IHDR: width and height, 4 bytes each (PNG specification, 11.2.2). */
function pngSize(view: Buffer): Size {
  if (view.length < 24) throw new Rejected(cutOff);
  if (view.toString('latin1', 12, 16) !== 'IHDR') throw new Rejected('The PNG has no header.');
  return { width: view.readUInt32BE(16), height: view.readUInt32BE(20) };
}

/** The frame header follows other segments, each with its length (ITU-T T.81, B.2.2). */
function jpegSize(view: Buffer): Size {
  for (let at = 2; at + 9 <= view.length; ) {
    if (view[at] !== 0xff) throw new Rejected('The JPEG is damaged.');
    const marker = view[at + 1]!;
    if (marker === 0xff) at += 1;
    else if (isFrame(marker)) return { height: view.readUInt16BE(at + 5), width: view.readUInt16BE(at + 7) };
    else if (marker === 0xda || marker === 0xd9) throw new Rejected('The JPEG has no frame.');
    else at += 2 + view.readUInt16BE(at + 2);
  }
  throw new Rejected(cutOff);
}

/** SOF0 to SOF15 without DHT, JPG and DAC, which lie among them. */
const isFrame = (marker: number): boolean =>
  marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);

function checkSize({ width, height }: Size): void {
  const { minSidePx, maxSidePx, maxPixels } = pictureLimits;
  const said = `The picture is ${width} × ${height} pixels`;
  if (Math.min(width, height) < minSidePx) throw new Rejected(`${said}, a side needs at least ${minSidePx}.`);
  if (Math.max(width, height) > maxSidePx)
    throw new Rejected(`${said}, a side may have at most ${maxSidePx}.`);
  if (width * height > maxPixels) throw new Rejected(`${said}, more than ${maxPixels} in all.`);
}
