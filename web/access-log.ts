/** Access logs: every failure, and a sample of the rest, since a line for each request halves throughput. */

import type { FastifyReply, FastifyRequest } from 'fastify';
import { paths } from '../contract/http.ts';

/** Share of the unremarkable requests that are logged. */
const sample = 0.01;
/** Milliseconds from which a request is remarkable. */
const slowMs = 1000;

/** Health checks: whoever asks keeps the answers. */
const asked: ReadonlySet<string> = new Set([paths.healthz, paths.readyz, `${paths.drainz}:region`]);

export async function logAccess(request: FastifyRequest, reply: FastifyReply): Promise<void> {
  const route = request.routeOptions.url ?? 'none';
  if (asked.has(route)) return;
  const failed = reply.statusCode >= 500;
  const streamed = route === '/api/events';
  const slow = reply.elapsedTime > slowMs && !streamed;
  if (!failed && !slow && Math.random() >= sample) return;
  request.log.info(
    {
      method: request.method,
      // The pattern, without ids and queries: one line can be counted with the others.
      route,
      status: reply.statusCode,
      ms: Math.round(reply.elapsedTime),
    },
    'request',
  );
}
