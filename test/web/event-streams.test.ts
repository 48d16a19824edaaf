import { once } from 'node:events';
import { afterEach, expect, jest, test } from '@jest/globals';
import { EventStreams } from '../../web/event-streams.ts';

const opened: EventStreams[] = [];
function streams(): EventStreams {
  const made = new EventStreams();
  opened.push(made);
  return made;
}
afterEach(() => {
  jest.useRealTimers();
  for (const made of opened.splice(0)) made.close();
});

/** What waits in a stream. */
const read = (stream: { read(): Buffer | null }) => String(stream.read() ?? '');

test('every stream gets every event, framed', () => {
  const all = streams();
  const [one, two] = [all.open()!, all.open()!];
  all.broadcast('{"a":1}');
  for (const stream of [one, two]) expect(read(stream)).toBe('retry: 2000\n\ndata: {"a":1}\n\n');
});

test('a quiet stream is kept open by comments', () => {
  jest.useFakeTimers();
  const all = streams();
  const stream = all.open()!;
  read(stream);
  jest.advanceTimersByTime(15_000);
  expect(read(stream)).toBe(':\n\n');
});

test('a stream whose reader went away is forgotten', async () => {
  const all = streams();
  const stream = all.open()!;
  stream.destroy();
  await once(stream, 'close');
  expect(all.size).toBe(0);
});

test('a reader that takes nothing is cut off instead of filling the memory', async () => {
  const all = streams();
  const stream = all.open()!;
  const closed = once(stream, 'close');
  for (let i = 0; i < 3; i++) all.broadcast('x'.repeat(40_000));
  await closed;
  expect(all.size).toBe(0);
});

test('no more streams are opened than a task can hold', () => {
  const all = streams();
  for (let i = 0; i < 2000; i++) expect(all.open()).toBeDefined();
  expect(all.open()).toBeUndefined();
});

test('closing ends them all', async () => {
  const all = streams();
  const stream = all.open()!;
  all.close();
  const ended = once(stream.resume(), 'end');
  await ended;
});
