/** Which of several results of one picture the database keeps. */

import { resolve } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { pino } from 'pino';
import type { Outcome } from '../../contract/event.ts';
import type { Job } from '../../contract/job.ts';
import { openResults, type Results } from '../../lambda/classify/results.ts';
import { migrate } from '../../lambda/migrate/migrate.ts';
import { readMigrations } from '../../lambda/migrate/migrations.ts';
import { type Database, openDatabase } from '../../runtime/database.ts';
import { setVariables } from '../support/aws.ts';
import { databaseName, type PostgresServer, startPostgres } from '../support/postgres.ts';

let postgres: PostgresServer;
let restore: () => void;
let database: Database;
let results: Results;
let job: Job;
let count = 0;

const early = '2026-11-24T08:00:00.000Z';
const late = '2026-11-24T09:00:00.000Z';
const saw = (name: string): Outcome => ({ status: 'classified', labels: [{ name, score: 90 }] });
const keep = (model: string, outcome: Outcome, submittedAt = early) =>
  results.keep({ ...job, submittedAt }, model, outcome, new Date());
const kept = async (model: string) => results.find(job, model);

beforeAll(async () => {
  [postgres] = await startPostgres();
  restore = setVariables({ DATABASE_TLS: 'off' });
  await migrate(
    await postgres.connect(),
    await readMigrations(resolve(import.meta.dirname, '../../db/migrations')),
  );
  const { endpoint } = postgres;
  database = openDatabase(
    { DATABASE_HOST: endpoint, DATABASE_READER_HOST: endpoint, DATABASE_NAME: databaseName },
    pino({ enabled: false }),
  );
  results = openResults(database);
}, 30_000);
afterAll(async () => {
  await database?.close();
  restore?.();
  await postgres?.stop();
});
beforeEach(() => {
  job = {
    version: 1,
    imageId: `01a20cb5-8f76-759a-b292-${String(++count).padStart(12, '0')}`,
    owner: 'somebody',
    bucket: 'bucket',
    key: 'key',
    contentType: 'image/png',
    size: 1,
    submittedAt: early,
  };
});

describe('of the same job', () => {
  test('the same result twice is one row', async () => {
    expect(await keep('m/1', saw('cat'))).toBe(true);
    expect(await keep('m/1', saw('cat'))).toBe(true);
    const { rows } = await (await postgres.connect()).query(
      'SELECT count(*)::int FROM images WHERE id = $1',
      [job.imageId],
    );
    expect(rows).toEqual([{ count: 1 }]);
    expect(await kept('m/1')).toEqual(saw('cat'));
  });

  test("a later model's result replaces an earlier one's, and never the other way", async () => {
    expect(await keep('m/1', { status: 'rejected', reason: 'unknown format' })).toBe(true);
    expect(await keep('m/2', saw('cat'))).toBe(true);
    expect(await keep('m/1', saw('dog'))).toBe(false);
    expect([await kept('m/1'), await kept('m/2')]).toEqual([undefined, saw('cat')]);
  });
});

test('of two jobs the later one counts, whichever is done first', async () => {
  expect(await keep('m/1', saw('cat'), late)).toBe(true);
  expect(await keep('m/2', saw('dog'), early)).toBe(false);
  expect(await kept('m/1')).toEqual(saw('cat'));
});

test('writing and finding a result touches the partition of its owner alone', async () => {
  await keep('m/1', saw('cat'));
  const client = await postgres.connect();
  const { rows } = await client.query(
    `EXPLAIN SELECT status FROM images WHERE owner = 'somebody' AND id = '${job.imageId}' AND model_version = 'm/1'`,
  );
  const plan = rows.map((row) => row['QUERY PLAN']).join('\n');
  expect(plan.match(/images_\d/g)?.length).toBeGreaterThan(0);
  expect(new Set(plan.match(/ on images_\d/g)).size).toBe(1);
});

test('what no statement may have, since it would not pass through write forwarding, is not there', async () => {
  const { rows } = await (await postgres.connect()).query(
    `SELECT (SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal)::int AS triggers,
            (SELECT count(*) FROM pg_sequences)::int AS sequences,
            (SELECT count(*) FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
             WHERE n.nspname = 'public')::int AS functions`,
  );
  expect(rows).toEqual([{ triggers: 0, sequences: 0, functions: 0 }]);
});
