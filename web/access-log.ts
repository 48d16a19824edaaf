/** Access logs: every failure, and a sample of the rest, since a line for each request halves throughput. */

import type { FastifyReply, FastifyRequest } from 'fastify';

/** Share of the unremarkable requests that are logged. */
const sample = 0.01;
/** Milliseconds from which a request is remarkable. */
const slowMs = 1000;

export async function logAccess(request: FastifyRequest, reply: FastifyReply): Promise<void> {
  const failed = reply.statusCode >= 500;
  const streamed = request.routeOptions.url === '/api/events';
  const slow = reply.elapsedTime > slowMs && !streamed;
  if (!failed && !slow && Math.random() >= sample) return;
  request.log.info(
    {
      method: request.method,
      // The pattern, without ids and queries: one line can be counted with the others.
      route: request.routeOptions.url ?? 'none',
      status: reply.statusCode,
      ms: Math.round(reply.elapsedTime),
    },
    'request',
  );
}
