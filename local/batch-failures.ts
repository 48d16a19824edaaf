/**
 * Which messages of a batch a function has processed ("Implementing partial batch responses", AWS Lambda developer
 * guide): those it does not list, or none when its answer makes no sense.
 */

/**
 * @param response what the function returned
 * @param ids message ids of the batch
 * @returns the ids to delete from the queue
 */
export function processed(response: unknown, ids: readonly string[]): readonly string[] {
  if (response === null || response === undefined) return ids;
  if (typeof response !== 'object') return [];
  const { batchItemFailures = null } = response as { batchItemFailures?: unknown };
  if (batchItemFailures === null) return ids;
  if (!Array.isArray(batchItemFailures)) return [];
  const failed = batchItemFailures.map(
    (item) => (item as { itemIdentifier?: unknown } | null)?.itemIdentifier,
  );
  if (failed.some((id) => typeof id !== 'string' || !ids.includes(id))) return [];
  return ids.filter((id) => !failed.includes(id));
}
