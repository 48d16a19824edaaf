/** Where a stack or construct stands. */

import type { ResolvedEnvironment } from '../config/validate.ts';
import type { Names } from './names.ts';

/** The environment a part belongs to, that environment's names, and the region the part stands in. */
export interface Placement {
  readonly environment: ResolvedEnvironment;
  readonly names: Names;
  readonly region: string;
}

/** Whether the part stands in the region whose database is the first writer. */
export const inPrimary = ({ environment, region }: Placement): boolean => region === environment.primary;

/** Names of all regions, in the configuration's order. */
export const regionsOf = ({ environment }: Pick<Placement, 'environment'>): string[] =>
  environment.regions.map((entry) => entry.name);

/** Names of the other regions, in the configuration's order. */
export const otherRegions = (placement: Placement): string[] =>
  regionsOf(placement).filter((name) => name !== placement.region);

/** Whether the database is a global cluster: with several regions, or when the operator says it will grow. */
export const isGlobal = ({ environment }: Pick<Placement, 'environment'>): boolean =>
  environment.global ?? environment.regions.length > 1;
