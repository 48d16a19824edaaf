/** One Route 53 record in the edge's process. */

import { nameSystem } from '../name-system.ts';
import type { Part } from '../part.ts';
import { canonical, type RoutingRecord } from '../routing.ts';

export interface RecordConfig {
  readonly record: RoutingRecord;
  /** Listed name under which an alias target says how healthy it is; absent when that is not evaluated. */
  readonly watch?: string;
  /** See `NameSystem.watch`. */
  readonly graceMs: number;
}

export const record: Part<RecordConfig> = async ({ record, watch, graceMs }, { dial }) => {
  const id = `${record.name} ${record.type} ${record.setIdentifier ?? ''}`;
  const remove = nameSystem.add(id, { ...record, name: canonical(record.name) });
  const unwatch = watch && record.alias && nameSystem.watch(record.alias.name, () => dial(watch), graceMs);
  return {
    async close() {
      remove();
      if (unwatch) unwatch();
    },
  };
};
