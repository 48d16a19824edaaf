/** Requests are held to TypeBox schemas by compiled checks; nothing is converted, filled in or taken away. */

import type { FastifySchemaCompiler } from 'fastify';
import type { TSchema } from 'typebox';
import { Compile } from 'typebox/schema';

export const compileSchema: FastifySchemaCompiler<TSchema> = ({ schema }) => {
  const check = Compile(schema as TSchema);
  return (value: unknown) => {
    if (check.Check(value)) return { value };
    const [, [first]] = check.Errors(value);
    return { error: new Error(`${first?.instancePath || '/'} ${first?.message ?? 'is wrong'}`) };
  };
};
