/** RESP2, the protocol of Valkey and Redis: requests are arrays of byte strings, answers have five kinds. */

/** A request that is none; the connection ends with it. */
export class ProtocolError extends Error {}

/** An answer that says what is wrong, as `ERR syntax error`. */
export class CommandError extends Error {}

/** What a command answers: a status, bytes, a number, nothing, or a list of these. */
export type Reply = { readonly status: string } | Buffer | string | number | null | readonly Reply[];

export const ok: Reply = { status: 'OK' };

const maxArguments = 1024 * 1024;
const maxBulkBytes = 64 * 1024 * 1024;
const crlf = '\r\n';

/** Cuts what a connection receives into requests. */
export class RequestParser {
  #buffered: Buffer = Buffer.alloc(0);

  /**
   * Complete requests so far, each a list of byte strings.
   * @throws ProtocolError
   */
  push(chunk: Buffer): Buffer[][] {
    this.#buffered = this.#buffered.length > 0 ? Buffer.concat([this.#buffered, chunk]) : chunk;
    const requests: Buffer[][] = [];
    let offset = 0;
    for (;;) {
      const next = parseRequest(this.#buffered, offset);
      if (!next) break;
      offset = next.end;
      if (next.words.length > 0) requests.push(next.words);
    }
    this.#buffered = this.#buffered.subarray(offset);
    return requests;
  }
}

interface Parsed {
  readonly words: Buffer[];
  readonly end: number;
}

function parseRequest(buffer: Buffer, start: number): Parsed | undefined {
  const head = lineAt(buffer, start);
  if (!head) return undefined;
  if (head.text[0] !== '*') {
    const words = head.text.split(' ').filter(Boolean);
    return { words: words.map((word) => Buffer.from(word)), end: head.end };
  }
  const count = lengthOf(head.text, maxArguments);
  const words: Buffer[] = [];
  let offset = head.end;
  while (words.length < count) {
    const line = lineAt(buffer, offset);
    if (!line) return undefined;
    if (line.text[0] !== '$') throw new ProtocolError(`expected '$', got '${line.text[0] ?? ''}'`);
    const end = line.end + lengthOf(line.text, maxBulkBytes);
    if (buffer.length < end + crlf.length) return undefined;
    words.push(buffer.subarray(line.end, end));
    offset = end + crlf.length;
  }
  return { words, end: offset };
}

function lineAt(buffer: Buffer, start: number): { text: string; end: number } | undefined {
  const end = buffer.indexOf(crlf, start);
  if (end >= 0) return { text: buffer.toString('latin1', start, end), end: end + crlf.length };
  if (buffer.length - start > maxBulkBytes) throw new ProtocolError('too big inline request');
  return undefined;
}

function lengthOf(line: string, most: number): number {
  const length = Number(line.slice(1));
  if (Number.isInteger(length) && length >= 0 && length <= most) return length;
  throw new ProtocolError('invalid length');
}

/** The bytes of an answer. */
export function encodeReply(reply: Reply): Buffer {
  if (typeof reply === 'number') return Buffer.from(`:${reply}${crlf}`);
  if (reply === null) return Buffer.from(`$-1${crlf}`);
  if (typeof reply === 'string' || Buffer.isBuffer(reply)) {
    const bytes = Buffer.from(reply);
    return Buffer.concat([Buffer.from(`$${bytes.length}${crlf}`), bytes, Buffer.from(crlf)]);
  }
  if ('status' in reply) return Buffer.from(`+${reply.status}${crlf}`);
  return Buffer.concat([Buffer.from(`*${reply.length}${crlf}`), ...reply.map(encodeReply)]);
}

export const encodeError = (message: string): Buffer => Buffer.from(`-${message}${crlf}`);
