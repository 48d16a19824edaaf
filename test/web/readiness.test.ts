import { describe, expect, test } from '@jest/globals';
import { schemaVersion } from '../../contract/schema.ts';
import { Readiness } from '../../web/readiness.ts';

/** A reader that answers as it is told to, and a clock that goes as it is told to. */
function region() {
  const state = { now: 0, asked: 0, answer: async (): Promise<number> => schemaVersion };
  const read = async () => {
    state.asked++;
    return { rows: [{ version: await state.answer() }], count: 1 };
  };
  const readiness = new Readiness({ read } as never, () => state.now);
  return { state, readiness };
}

const away = async (): Promise<number> => {
  throw new Error('connection refused');
};

describe('a region', () => {
  test('is ready when its reader has the schema', async () => {
    expect(await region().readiness.verdict()).toEqual({ ready: true, reason: 'ready' });
  });

  test('is ready with a later schema, and not with an earlier one or none', async () => {
    const { state, readiness } = region();
    state.answer = async () => schemaVersion + 1;
    expect((await readiness.verdict()).ready).toBe(true);
    state.now += 1001;
    state.answer = async () => schemaVersion - 1;
    expect(await readiness.verdict()).toEqual({
      ready: false,
      reason: `the database has schema version ${schemaVersion - 1}, expected ${schemaVersion} or later`,
    });
    state.now += 1001;
    state.answer = async () => {
      throw Object.assign(new Error('no table'), { code: '42P01' });
    };
    expect((await readiness.verdict()).reason).toMatch('schema version 0');
  });

  test('stays ready for 20 s without an answer, and not longer', async () => {
    const { state, readiness } = region();
    await readiness.verdict();
    state.answer = away;
    state.now = 19_999;
    expect((await readiness.verdict()).ready).toBe(true);
    state.now = 21_001;
    expect(await readiness.verdict()).toEqual({ ready: false, reason: 'the local database does not answer' });
    state.now = 22_002;
    state.answer = async () => schemaVersion;
    expect((await readiness.verdict()).ready).toBe(true);
  });

  test('is asked once a second, however many want to know', async () => {
    const { state, readiness } = region();
    await Promise.all([readiness.verdict(), readiness.verdict(), readiness.hasBeenReady()]);
    state.now = 999;
    await readiness.verdict();
    expect(state.asked).toBe(1);
    state.now = 1000;
    await readiness.verdict();
    expect(state.asked).toBe(2);
  });

  test('that does not answer at all is judged within two seconds', async () => {
    const { state, readiness } = region();
    state.answer = () => new Promise(() => {});
    expect((await readiness.verdict()).ready).toBe(false);
  }, 2000);
});

describe('a task', () => {
  test('is alive from its first readiness on, whatever becomes of the database', async () => {
    const { state, readiness } = region();
    state.answer = away;
    expect(await readiness.hasBeenReady()).toBe(false);
    state.now = 1001;
    state.answer = async () => schemaVersion;
    expect(await readiness.hasBeenReady()).toBe(true);
    state.now = 60_000;
    state.answer = away;
    expect((await readiness.verdict()).ready).toBe(false);
    expect(await readiness.hasBeenReady()).toBe(true);
  });
});
