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

export const record: Part<RecordConfig> = async ({ record, watch, graceMs }, { dial, emit }) => {
  const id = `${record.name} ${record.type} ${record.setIdentifier ?? ''}`;
  const remove = nameSystem.add(id, { ...record, name: canonical(record.name) });
  let unwatch = () => {};
  if (watch && record.alias) {
    const tell = (healthy: boolean) => emit(`target ${healthy ? 'healthy' : 'unhealthy'}`);
    unwatch = nameSystem.watch(record.alias.name, () => dial(watch), graceMs, tell);
  }
  return {
    async close() {
      remove();
      unwatch();
    },
  };
};
