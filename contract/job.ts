/** The job message, from the web service to the worker. */

import type { Static } from 'typebox';
import * as Type from 'typebox';
import { MessageVersion, messageParser } from './parse.ts';

/** Current version of the message, as written; docs/decisions/0005-message-versions.md says when it changes. */
export const jobVersion = 1;

export const Job = Type.Object({
  version: MessageVersion(jobVersion),
  imageId: Type.String({ pattern: '^[0-9a-f-]{36}$' }),
  owner: Type.String({ minLength: 1, maxLength: 64 }),
  bucket: Type.String({ minLength: 3, maxLength: 63 }),
  key: Type.String({ minLength: 1, maxLength: 1024 }),
  contentType: Type.String({ minLength: 1, maxLength: 100 }),
  size: Type.Integer({ minimum: 0 }),
  /** ISO 8601 time at which the job was accepted. */
  submittedAt: Type.String({ minLength: 20, maxLength: 30 }),
});
export type Job = Static<typeof Job>;

/** Parses a message body. Throws an Error that names the first breach; such a message can never be processed. */
export const parseJob = messageParser(Job, 'a job message');
