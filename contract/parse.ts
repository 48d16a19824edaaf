/** Reading messages: JSON that must be what its schema says. */

import type { Static, TSchema } from 'typebox';
import { Compile } from 'typebox/schema';

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
