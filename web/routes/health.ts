/** What the load balancer asks of a task, and Route 53 of a region. */

import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import * as Type from 'typebox';
import { paths } from '../../contract/http.ts';
import type { Media } from '../media.ts';
import { Problem, unavailable } from '../problem.ts';
import type { Readiness } from '../readiness.ts';

/** Milliseconds that an answer about a neighbour is kept. */
const drainKeptMs = 1000;

export function healthRoutes(
  readiness: Readiness,
  media: Pick<Media, 'drained'>,
  regions: readonly string[],
): FastifyPluginAsyncTypebox {
  return async (app) => {
    app.addHook('onRequest', async (_request, reply) => {
      reply.header('cache-control', 'no-store');
    });

    app.get(paths.healthz, async (_request, reply) => {
      const alive = await readiness.hasBeenReady();
      return reply.code(alive ? 200 : 503).send({ status: alive ? 'ok' : 'starting' });
    });

    app.get(paths.readyz, async (_request, reply) => {
      const { ready, reason } = await readiness.verdict();
      return reply.code(ready ? 200 : 503).send({ status: reason });
    });

    const kept = new Map<string, { readonly at: number; readonly drained: Promise<boolean> }>();
    const drained = (region: string): Promise<boolean> => {
      const known = kept.get(region);
      if (known && performance.now() - known.at < drainKeptMs) return known.drained;
      const asked = { at: performance.now(), drained: media.drained(region) };
      kept.set(region, asked);
      return asked.drained;
    };

    app.get(
      `${paths.drainz}:region`,
      { schema: { params: Type.Object({ region: Type.String() }) } },
      async (request) => {
        const { region } = request.params;
        if (!regions.includes(region)) throw new Problem(404, `There is no region '${region}'.`);
        const verdict = await drained(region).catch((error: Error) => {
          request.log.warn({ error: error.message }, 'bucket does not answer');
          // Anything but 200 means not drained.
          throw unavailable('The bucket does not answer.');
        });
        if (!verdict) throw new Problem(404, `Region ${region} is not drained.`);
        return { status: `${region} is drained` };
      },
    );
  };
}
