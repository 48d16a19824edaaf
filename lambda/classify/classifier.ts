/** The port behind which an engine says what is in a picture. */

import type { Label } from '../../contract/event.ts';

/** A picture that passed the guards (picture.ts). */
export interface Picture {
  readonly bytes: Uint8Array;
  /** Where it lies, for an engine that reads it there itself. */
  readonly region: string;
  readonly bucket: string;
  readonly key: string;
}

export interface Classifier {
  /** Name and number of what gives the labels: raise the number when the same picture may get others. */
  readonly modelVersion: string;
  /**
   * Labels with a confidence of at least 50, the most certain first.
   * @throws Rejected when the picture cannot be read; anything else means: try again
   */
  classify(picture: Picture): Promise<Label[]>;
}

/** Labels that an engine gives at most, and the confidence they have at least (0 to 100). */
export const labelLimits = { maxLabels: 20, minScore: 50 } as const;

/** The picture is at fault: a result with a reason, never a retry. */
export class Rejected extends Error {}
