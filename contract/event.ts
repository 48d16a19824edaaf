/** What happened to an image: published in the region's cache, carried to the other regions, streamed to pages. */

/** Channel of the cache's publish and subscribe that carries events as JSON. */
export const eventChannel = 'events';

export interface Label {
  readonly name: string;
  /** Confidence, 0 to 100. */
  readonly score: number;
}

/** The outcome of one job. */
export type Outcome =
  | { readonly status: 'classified'; readonly labels: readonly Label[] }
  | { readonly status: 'rejected'; readonly reason: string };

export type ImageEvent = {
  readonly version: 1;
  readonly imageId: string;
  readonly owner: string;
  /** Region whose worker did the job. */
  readonly region: string;
  readonly modelVersion: string;
  /** ISO 8601. */
  readonly at: string;
} & Outcome;
