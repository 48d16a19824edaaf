/** Whether this region can serve: what Route 53's health checks judge it by. */

import { schemaVersion, schemaVersionTable } from '../contract/schema.ts';
import type { Database } from '../runtime/database.ts';

/** Milliseconds that an answer of the local reader counts, that a verdict is kept, and that a check may take. */
const answerCountsMs = 20_000;
const verdictKeptMs = 1000;
const checkTakesMs = 1500;

export interface Verdict {
  readonly ready: boolean;
  /** One sentence for whoever looks at the answer. */
  readonly reason: string;
}

export class Readiness {
  readonly #database: Pick<Database, 'read'>;
  readonly #now: () => number;
  #answeredAt = Number.NEGATIVE_INFINITY;
  #version = 0;
  #checkedAt = Number.NEGATIVE_INFINITY;
  #check: Promise<Verdict> | undefined;
  #wasReady = false;

  /** @param now monotonic milliseconds */
  constructor(database: Pick<Database, 'read'>, now: () => number = () => performance.now()) {
    this.#database = database;
    this.#now = now;
  }

  /** Whether this task has ever been ready: until then it takes no traffic, from then on a database cannot kill it. */
  async hasBeenReady(): Promise<boolean> {
    return this.#wasReady || (await this.verdict()).ready;
  }

  /** The verdict of the last second, or a new one; never rejects and never takes long. */
  verdict(): Promise<Verdict> {
    if (this.#check && this.#now() - this.#checkedAt < verdictKeptMs) return this.#check;
    this.#checkedAt = this.#now();
    this.#check = this.#judge();
    return this.#check;
  }

  async #judge(): Promise<Verdict> {
    let late: NodeJS.Timeout | undefined;
    const tooLate = new Promise((resolve) => {
      late = setTimeout(resolve, checkTakesMs);
    });
    await Promise.race([this.#ask(), tooLate]);
    clearTimeout(late);
    const silentMs = this.#now() - this.#answeredAt;
    if (silentMs > answerCountsMs) return { ready: false, reason: 'the local database does not answer' };
    if (this.#version < schemaVersion) {
      return {
        ready: false,
        reason: `the database has schema version ${this.#version}, expected ${schemaVersion} or later`,
      };
    }
    this.#wasReady = true;
    return { ready: true, reason: 'ready' };
  }

  async #ask(): Promise<void> {
    try {
      const { rows } = await this.#database.read<{ version: number }>({
        name: 'schema-version',
        text: `SELECT coalesce(max(version), 0)::int AS version FROM ${schemaVersionTable}`,
      });
      this.#version = rows[0]?.version ?? 0;
    } catch (error) {
      // undefined_table is an answer too: nothing was migrated yet.
      if ((error as { code?: string }).code !== '42P01') return;
      this.#version = 0;
    }
    this.#answeredAt = this.#now();
  }
}
