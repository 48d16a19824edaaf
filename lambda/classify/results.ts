/** What the database keeps of finished jobs. */

import type { Outcome } from '../../contract/event.ts';
import type { Job } from '../../contract/job.ts';
import type { Database } from '../../runtime/database.ts';

export interface Results {
  /** The outcome that a model already gave for a job's image; undefined for none. */
  find(job: Job, modelVersion: string): Promise<Outcome | undefined>;
  /**
   * Keeps an outcome, in one statement that may be repeated. A result of a later job, or of a later model for the
   * same job, stays.
   * @returns whether the outcome is what the database has now
   */
  keep(job: Job, modelVersion: string, outcome: Outcome, at: Date): Promise<boolean>;
}

export function openResults(database: Database): Results {
  return {
    async find({ owner, imageId }, modelVersion) {
      const { rows } = await database.read<{ status: string; labels: []; reason: string | null }>({
        name: 'result-of-model',
        text: `SELECT status, labels, reason FROM images WHERE owner = $1 AND id = $2 AND model_version = $3`,
        values: [owner, imageId, modelVersion],
      });
      const [row] = rows;
      if (!row) return undefined;
      return row.status === 'classified'
        ? { status: 'classified', labels: row.labels }
        : { status: 'rejected', reason: row.reason ?? 'unknown' };
    },

    async keep(job, modelVersion, outcome, at) {
      const { count } = await database.write({
        name: 'keep-result',
        text: `
          INSERT INTO images AS kept (id, owner, object_key, content_type, size_bytes, submitted_at,
                                      status, labels, reason, model_version, classified_at)
          VALUES ($1, $2, $3, $4, $5, $6, $7, $8::jsonb, $9, $10, $11)
          ON CONFLICT (owner, id) DO UPDATE SET
            status = excluded.status, labels = excluded.labels, reason = excluded.reason,
            submitted_at = excluded.submitted_at, model_version = excluded.model_version,
            classified_at = excluded.classified_at
          WHERE (kept.submitted_at, kept.model_version) <= (excluded.submitted_at, excluded.model_version)`,
        values: [
          job.imageId,
          job.owner,
          job.key,
          job.contentType,
          job.size,
          job.submittedAt,
          outcome.status,
          JSON.stringify(outcome.status === 'classified' ? outcome.labels : []),
          outcome.status === 'rejected' ? outcome.reason : null,
          modelVersion,
          at.toISOString(),
        ],
      });
      return count > 0;
    },
  };
}
