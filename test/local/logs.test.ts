import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { PassThrough } from 'node:stream';
import { finished } from 'node:stream/promises';
import { expect, test } from '@jest/globals';
import { Logs, logFile } from '../../local/logs.ts';
import { temporaryFolder } from '../support/assembly.ts';

const stateDir = temporaryFolder();
const read = (file: string) => readFileSync(file, 'utf8');

test('lines of two streams never mix, and the last one needs no end', async () => {
  const logs = new Logs();
  const file = logFile(stateDir, 'eu-west-1', 'Web', '0');
  const [out, err] = [new PassThrough(), new PassThrough()];
  logs.follow(out, file);
  logs.follow(err, file);
  expect(read(file)).toBe('');
  out.write('hel');
  err.write('warning\n');
  out.write('lo\nlast ');
  out.write(Buffer.from('ü').subarray(0, 1));
  out.end(Buffer.from('ü').subarray(1));
  err.end();
  await Promise.all([finished(out), finished(err)]);
  await new Promise((resolve) => setImmediate(resolve));
  expect(read(file)).toBe('warning\nhello\nlast ü\n');
  logs.close();
});

test('a log that has grown large begins anew with the next run, and one older is kept', () => {
  const file = logFile(stateDir, 'eu-west-1', 'Big');
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${'x'.repeat(5 * 1024 * 1024)}\n`);
  const logs = new Logs();
  logs.line(file, 'new');
  expect(read(file)).toBe('new\n');
  expect(existsSync(`${file}.1`)).toBe(true);
  logs.close();
  const again = new Logs();
  again.line(file, 'more');
  expect(read(file)).toBe('new\nmore\n');
  again.close();
});
