import { describe, expect, test } from '@jest/globals';
import { Rejected } from '../../lambda/classify/classifier.ts';
import { checkHeader, checkLength } from '../../lambda/classify/picture.ts';
import { picture } from '../support/pictures.ts';
import { jpegHeader, png } from '../support/pngs.ts';

describe('the header', () => {
  test.each([
    ['a photograph', picture('chelsea'), { width: 451, height: 300 }],
    ['a PNG', png(80, 120), { width: 80, height: 120 }],
    ['a JPEG', jpegHeader(640, 480), { width: 640, height: 480 }],
    [
      'a JPEG with filling bytes',
      Buffer.concat([
        jpegHeader(640, 480).subarray(0, 8),
        Buffer.from([0xff, 0xff]),
        jpegHeader(640, 480).subarray(8),
      ]),
      { width: 640, height: 480 },
    ],
  ])('of %s gives its size', (_case, bytes, size) => {
    expect(checkHeader(bytes)).toEqual(size);
  });

  test.each([
    ['nothing', Buffer.alloc(0), /not a JPEG or PNG/],
    ['text', Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>'), /not a JPEG or PNG/],
    ['a GIF', Buffer.from('GIF89a\x01\x00\x01\x00'), /not a JPEG or PNG/],
    ['a TIFF', Buffer.from('II*\x00\x08\x00\x00\x00'), /not a JPEG or PNG/],
    ['a PNG that is cut off', png(100, 100).subarray(0, 20), /cut off/],
    ['a PNG without a header', Buffer.concat([png(100, 100).subarray(0, 8), Buffer.alloc(40)]), /no header/],
    ['a JPEG that is cut off', jpegHeader(100, 100).subarray(0, 12), /cut off/],
    [
      'a JPEG with a segment longer than itself',
      Buffer.from([0xff, 0xd8, 0xff, 0xe0, 0xff, 0xff, 0, 0, 0, 0, 0, 0]),
      /cut off/,
    ],
    ['a JPEG without a frame', Buffer.from([0xff, 0xd8, 0xff, 0xda, 0, 0, 0, 0, 0, 0, 0, 0]), /no frame/],
    [
      'a JPEG of rubbish',
      Buffer.from([0xff, 0xd8, 0xff, 0xe0, 0x00, 0x02, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
      /damaged/,
    ],
    ['one pixel', png(1, 1), /1 × 1 pixels, a side needs at least 80/],
    ['a long side', png(10_001, 80, 1), /at most 10000/],
    ['a bomb of 900 megapixels', png(30_000, 30_000, 1), /at most 10000/],
    ['81 megapixels', png(9000, 9000, 1), /more than 50000000 in all/],
    ['a JPEG that claims to be 65,000 pixels wide', jpegHeader(65_000, 65_000), /at most 10000/],
  ])('refuses %s', (_case, bytes, reason) => {
    expect(() => checkHeader(bytes)).toThrow(Rejected);
    expect(() => checkHeader(bytes)).toThrow(reason);
  });
});

test('the length is judged before anything is read', () => {
  expect(() => checkLength(10 * 1024 * 1024)).not.toThrow();
  expect(() => checkLength(10 * 1024 * 1024 + 1)).toThrow(Rejected);
  expect(() => checkLength(0)).toThrow(Rejected);
});
