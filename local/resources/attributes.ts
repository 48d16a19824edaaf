/** Attribute lists of Elastic Load Balancing: `[{ Key, Value }]`. */

import type { Declared } from '../resource.ts';

export function attributesOf(declared: Declared, property: string): ReadonlyMap<string, string> {
  const list = declared.resolve<{ Key: string; Value: string }[]>(property) ?? [];
  return new Map(list.map(({ Key, Value }) => [Key, Value]));
}
