/** What happened to an image: published in the region's cache, carried to the other regions, streamed to pages. */

import type { Static } from 'typebox';
import * as Type from 'typebox';
import { MessageVersion, messageParser } from './parse.ts';

/** Channel of the cache's publish and subscribe that carries events as JSON. */
export const eventChannel = 'events';

/** Current version of the message, as written; docs/decisions/0005-message-versions.md says when it changes. */
export const eventVersion = 1;

export const Label = Type.Object({
  name: Type.String({ minLength: 1, maxLength: 100 }),
  /** Confidence, 0 to 100. */
  score: Type.Number({ minimum: 0, maximum: 100 }),
});
export type Label = Static<typeof Label>;

/** The outcome of one job. */
export const Outcome = Type.Union([
  Type.Object({ status: Type.Literal('classified'), labels: Type.Array(Label) }),
  Type.Object({ status: Type.Literal('rejected'), reason: Type.String({ minLength: 1, maxLength: 300 }) }),
]);
export type Outcome = Static<typeof Outcome>;

export const ImageEvent = Type.Intersect([
  Type.Object({
    version: MessageVersion(eventVersion),
    imageId: Type.String({ pattern: '^[0-9a-f-]{36}$' }),
    owner: Type.String({ minLength: 1, maxLength: 64 }),
    /** Region whose worker did the job. */
    region: Type.String({ minLength: 1, maxLength: 30 }),
    modelVersion: Type.String({ minLength: 1, maxLength: 100 }),
    /** ISO 8601. */
    at: Type.String({ minLength: 20, maxLength: 30 }),
  }),
  Outcome,
]);
export type ImageEvent = Static<typeof ImageEvent>;

/** Parses a message body. Throws an Error that names the first breach; such a message can never be processed. */
export const parseImageEvent = messageParser(ImageEvent, 'an image event');
