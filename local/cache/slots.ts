/** Which of the 16,384 slots of a cluster a key is in ("Key distribution model", cluster specification). */

export const slotCount = 16384;

/** By the part between the first `{` and the next `}` where there is one, else by the whole key. */
export function slotOf(key: Buffer): number {
  const open = key.indexOf('{');
  const close = open < 0 ? -1 : key.indexOf('}', open + 1);
  return crc16(close > open + 1 ? key.subarray(open + 1, close) : key) % slotCount;
}

/** CRC16-CCITT (XMODEM). */
function crc16(bytes: Buffer): number {
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = ((crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1) & 0xffff) >>> 0;
  }
  return crc;
}
