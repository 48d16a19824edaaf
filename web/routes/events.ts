/** Results as they happen, as server-sent events. */

import type { FastifyPluginAsync } from 'fastify';
import type { EventStreams } from '../event-streams.ts';
import { unavailable } from '../problem.ts';

export function eventRoutes(streams: EventStreams): FastifyPluginAsync {
  return async (app) => {
    app.get('/api/events', async (_request, reply) => {
      const stream = streams.open();
      if (!stream) throw unavailable('Too many open streams here; connect again.');
      return reply
        .type('text/event-stream')
        .header('cache-control', 'private, no-store, no-transform')
        .header('x-accel-buffering', 'no')
        .send(stream);
    });
    // Open streams would keep a closing server waiting for ever.
    app.addHook('preClose', async () => streams.close());
  };
}
