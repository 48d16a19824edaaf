/** Which task this is, for answers and logs. */

import { hostname } from 'node:os';

/**
 * The id that Fargate put into the address of its metadata endpoint ("Amazon ECS task metadata endpoint version
 * 4": `/v4/<task id>-<container number>`); elsewhere host and process.
 */
export function taskName(from: Readonly<Record<string, string | undefined>> = process.env): string {
  const id = /\/v4\/([0-9a-f]+)-/.exec(from['ECS_CONTAINER_METADATA_URI_V4'] ?? '')?.[1];
  return id ?? `${hostname()}-${process.pid}`;
}
