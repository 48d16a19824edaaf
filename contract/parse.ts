/** Reading messages: JSON that must be what its schema says. */

import type { Static, TSchema } from 'typebox';
import * as Type from 'typebox';
import { Compile } from 'typebox/schema';

/**
 * Versions that a reader takes: its own, the one before and the one after. Regions are deployed one by one and
 * messages outlive a deployment in their queue, so both neighbours arrive.
 */
export const MessageVersion = (current: number) =>
  Type.Integer({ minimum: Math.max(1, current - 1), maximum: current + 1 });

/**
 * A parser of message bodies. It throws an Error that names the first breach; such a message can never be
 * processed.
 * @param kind what the message should be, as `a job message`
 */
export function messageParser<T extends TSchema>(schema: T, kind: string): (body: string) => Static<T> {
  const validator = Compile(schema);
  return (body) => {
    const value: unknown = JSON.parse(body);
    if (!validator.Check(value)) {
      const [, [first]] = validator.Errors(value);
      throw new Error(`not ${kind}: ${first?.instancePath || '/'} ${first?.message ?? 'is wrong'}`);
    }
    return value as Static<T>;
  };
}
