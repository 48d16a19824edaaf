/** The order of the resources of one stack that run, as CloudFormation would derive it. */

import type { Template } from './assembly.ts';
import { references } from './intrinsics.ts';

/**
 * For each resource that runs, those that must run before it: what it refers to or depends on, also through
 * resources that do not run here. A DependsOn that is missing in the template is missing here too.
 * @throws Error naming the resources of a cycle.
 */
export function prerequisites(
  { Resources: resources = {} }: Template,
  runs: (logicalId: string) => boolean,
): Map<string, ReadonlySet<string>> {
  const direct = new Map(
    Object.entries(resources).map(([id, { Properties, DependsOn = [] }]) => {
      const named = [...references(Properties), ...[DependsOn].flat()];
      return [id, new Set(named.filter((name) => name !== id && Object.hasOwn(resources, name)))];
    }),
  );
  const settled = new Map<string, ReadonlySet<string>>();
  const path: string[] = [];
  const visit = (id: string): ReadonlySet<string> => {
    const known = settled.get(id);
    if (known) return known;
    if (path.includes(id)) {
      throw new Error(`resources wait for each other: ${[...path.slice(path.indexOf(id)), id].join(' → ')}`);
    }
    path.push(id);
    const found = new Set<string>();
    for (const other of direct.get(id)!) {
      const beyond = visit(other);
      if (runs(other)) found.add(other);
      else for (const one of beyond) found.add(one);
    }
    path.pop();
    settled.set(id, found);
    return found;
  };
  return new Map(Object.keys(resources).flatMap((id) => (runs(id) ? [[id, visit(id)]] : [])));
}

/**
 * Runs a task for every key, each as soon as those it waits for are done, independent ones at the same time.
 * After a failure nothing new begins; what is under way ends, then the first error is thrown.
 */
export async function inOrder(
  waitsFor: ReadonlyMap<string, Iterable<string>>,
  task: (key: string) => Promise<void>,
): Promise<void> {
  const done = new Map<string, Promise<void>>();
  let failure: { readonly error: unknown } | undefined;
  const begin = (key: string): Promise<void> => {
    const known = done.get(key);
    if (known) return known;
    const before = [...(waitsFor.get(key) ?? [])].filter((other) => waitsFor.has(other)).map(begin);
    const promise = Promise.all(before).then(async () => {
      if (failure) return;
      try {
        await task(key);
      } catch (error) {
        failure ??= { error };
      }
    });
    done.set(key, promise);
    return promise;
  };
  await Promise.all([...waitsFor.keys()].map(begin));
  if (failure) throw failure.error;
}
