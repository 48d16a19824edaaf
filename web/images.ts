/** Pictures and their labels as the database has them; single ones pass through the cache. */

import type { Label } from '../contract/event.ts';
import { imageCacheKey } from '../contract/media.ts';
import type { CacheAside } from '../runtime/cache-aside.ts';
import type { Database } from '../runtime/database.ts';

/** One picture as the API shows it. */
export type Image = {
  readonly id: string;
  readonly owner: string;
  /** Path of the picture itself, on this host. */
  readonly url: string;
  /** ISO 8601. */
  readonly submittedAt: string;
  readonly modelVersion: string;
} & (
  | { readonly status: 'classified'; readonly labels: readonly Label[] }
  | { readonly status: 'rejected'; readonly reason: string }
);

export interface Images {
  /** A picture whose job is done; undefined for any other. */
  find(id: string): Promise<Image | undefined>;
  /** The newest first, those older than `before` when given. */
  list(limit: number, before?: string): Promise<readonly Image[]>;
}

type Row = {
  id: string;
  owner: string;
  object_key: string;
  status: 'classified' | 'rejected';
  labels: Label[];
  reason: string | null;
  submitted_at: Date;
  model_version: string;
};

const columns = 'id, owner, object_key, status, labels, reason, submitted_at, model_version';

/** Greater than every id. */
const afterAll = 'ffffffff-ffff-ffff-ffff-ffffffffffff';

export function openImages(database: Database, cached: CacheAside): Images {
  return {
    find: (id) =>
      cached.through(imageCacheKey(id), async () => {
        const { rows } = await database.read<Row>({
          name: 'image-by-id',
          text: `SELECT ${columns} FROM images WHERE id = $1`,
          values: [id],
        });
        return rows[0] && toImage(rows[0]);
      }),
    async list(limit, before = afterAll) {
      const { rows } = await database.read<Row>({
        name: 'images-newest',
        text: `SELECT ${columns} FROM images WHERE id < $1 ORDER BY id DESC LIMIT $2`,
        values: [before, limit],
      });
      return rows.map(toImage);
    },
  };
}

function toImage(row: Row): Image {
  const common = {
    id: row.id,
    owner: row.owner,
    url: `/${row.object_key}`,
    submittedAt: row.submitted_at.toISOString(),
    modelVersion: row.model_version,
  };
  return row.status === 'classified'
    ? { ...common, status: 'classified', labels: row.labels }
    : { ...common, status: 'rejected', reason: row.reason ?? 'unknown' };
}
