/** What the control interface shows of a run: plain JSON. */

import type { Unit } from './resource.ts';

/** Name of the host process, and of the address-book region, that is CloudFront and Route 53. */
export const edge = 'edge';

/** Address-book name of the name server. */
export const nameServerListing = `${edge}/dns`;

export type ResourceState = 'waiting' | 'starting' | 'running' | 'stopping' | 'stopped' | 'failed';

export interface ResourceReport {
  readonly stack: string;
  readonly region: string;
  readonly logicalId: string;
  readonly type: string;
  /** Belongs to no region, whatever stack declares it. */
  readonly global: boolean;
  readonly state: ResourceState;
  /** Why it failed. */
  readonly reason?: string;
  readonly units: readonly Unit[];
  readonly describe: Readonly<Record<string, unknown>>;
}

export interface RunReport {
  readonly environment: string;
  readonly account: string;
  readonly phase: 'starting' | 'ready' | 'stopping';
  /** ISO 8601. */
  readonly startedAt: string;
  readonly regions: readonly string[];
  readonly timeScale: number;
  readonly addresses: {
    /** What a person opens; it plays HTTPS. */
    readonly site: string;
    readonly viewer: string;
    readonly control: string;
  };
  readonly hosts: readonly { readonly region: string; readonly alive: boolean; readonly pid?: number }[];
  readonly resources: readonly ResourceReport[];
  /** Region → name → what a person gives to a client, as `database` → `postgresql://…`. */
  readonly endpoints: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** Types that only have a name here → how many resources of them. */
  readonly leftOut: Readonly<Record<string, number>>;
  /** Where a template name or resource listens. */
  readonly listeners: Readonly<Record<string, string>>;
  readonly stateDir: string;
  /** Id of the last event so far. */
  readonly lastEvent: number;
}
