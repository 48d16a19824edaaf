/** The one page, and the client's files as the container has them. */

import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import * as Type from 'typebox';
import { paths } from '../../contract/http.ts';
import { type ClientFiles, immutable } from '../../runtime/client-files.ts';
import { renderPage } from '../page.ts';
import { Problem } from '../problem.ts';

const File = Type.Object({ file: Type.String({ maxLength: 100 }) });

export function pageRoutes(client: ClientFiles): FastifyPluginAsyncTypebox {
  return async (app) => {
    const html = renderPage(client);
    app.get('/', async (_request, reply) =>
      reply
        .type('text/html; charset=utf-8')
        // Anonymous, so that one copy at the edge serves everybody and outlives an outage.
        .header('cache-control', 'public, max-age=0, s-maxage=5, stale-if-error=86400')
        .send(html),
    );

    for (const prefix of [paths.assets, paths.fallbackAssets]) {
      app.get(`${prefix}:file`, { schema: { params: File } }, async (request, reply) => {
        const file = client.files.get(request.params.file);
        if (!file) throw new Problem(404, `There is no file '${request.params.file}'.`);
        return reply.type(file.contentType).header('cache-control', immutable).send(file.body);
      });
    }
  };
}
