/** Log files of the run: one per process, whole lines only, bounded when the run starts. */

import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';

/** A log larger than this when it is opened becomes `<name>.1`, in place of an older one. */
const keepBytes = 5 * 1024 * 1024;

/** A line without an end is written after this many characters. */
const longestLine = 64 * 1024;

/** `<state>/logs/<region>/<resource>[.<unit>].log` */
export function logFile(stateDir: string, region: string, resource: string, unit?: string): string {
  return join(stateDir, 'logs', region, `${resource}${unit === undefined ? '' : `.${unit}`}.log`);
}

/** Bytes at the end of a log that its last words are looked for in. */
const lastWordsBytes = 16 * 1024;

/** The last error that a log tells of, else its last line; undefined for an empty or missing log. */
export function lastWords(file: string): string | undefined {
  if (!existsSync(file)) return undefined;
  const descriptor = openSync(file, 'r');
  try {
    const { size } = statSync(file);
    const tail = Buffer.alloc(Math.min(size, lastWordsBytes));
    readSync(descriptor, tail, 0, tail.length, size - tail.length);
    const lines = tail
      .toString()
      .split('\n')
      .filter((line) => line.trim() !== '');
    return lines.findLast((line) => /^(\w*Error|error|fatal)\b.*: /i.test(line)) ?? lines.at(-1);
  } finally {
    closeSync(descriptor);
  }
}

/** Opens log files by path, each once. */
export class Logs {
  readonly #open = new Map<string, number>();

  line(file: string, line: string): void {
    writeSync(this.#descriptor(file), `${line}\n`);
  }

  #descriptor(file: string): number {
    let descriptor = this.#open.get(file);
    if (descriptor === undefined) {
      mkdirSync(dirname(file), { recursive: true });
      if (existsSync(file) && statSync(file).size > keepBytes) renameSync(file, `${file}.1`);
      descriptor = openSync(file, 'a');
      this.#open.set(file, descriptor);
    }
    return descriptor;
  }

  /** Writes what a stream says, line by line, so that the lines of two streams never mix. */
  follow(stream: Readable, file: string): void {
    // Who looks for the log of a silent process finds it empty, not missing.
    this.#descriptor(file);
    const decoder = new StringDecoder();
    let rest = '';
    stream.on('data', (chunk: Buffer) => {
      const lines = (rest + decoder.write(chunk)).split('\n');
      rest = lines.pop()!;
      if (lines.length > 0) this.line(file, lines.join('\n'));
      if (rest.length > longestLine) {
        this.line(file, rest);
        rest = '';
      }
    });
    stream.on('close', () => {
      if (rest) this.line(file, rest);
    });
    // A pipe that breaks has nothing more to say; the process's own end is what is reported.
    stream.on('error', () => {});
  }

  close(): void {
    for (const descriptor of this.#open.values()) closeSync(descriptor);
    this.#open.clear();
  }
}
