/** The web service, built without listening: every part it needs is handed in. */

import Fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify';
import { headers, timeouts } from '../contract/http.ts';
import type { ClientFiles } from '../runtime/client-files.ts';
import { logAccess } from './access-log.ts';
import type { EventStreams } from './event-streams.ts';
import { handleError, Problem, sendProblem } from './problem.ts';
import type { Readiness } from './readiness.ts';
import { eventRoutes } from './routes/events.ts';
import { healthRoutes } from './routes/health.ts';
import { type ImageServices, imageRoutes } from './routes/images.ts';
import { pageRoutes } from './routes/page.ts';
import { compileSchema } from './validation.ts';

export interface Services extends ImageServices {
  /** Name of this task in answers and logs. */
  readonly task: string;
  readonly readiness: Readiness;
  readonly streams: EventStreams;
  readonly client: ClientFiles;
  readonly log: FastifyBaseLogger;
}

/** Bytes of a request's body: the API takes small JSON only, pictures go to the bucket. */
const bodyLimit = 16 * 1024;

/** Milliseconds in which a request must have arrived whole. */
const requestTimeout = 10_000;

/** @returns an instance to listen with, or to inject requests into */
export function buildApp(services: Services): FastifyInstance {
  const app: FastifyInstance = Fastify({
    loggerInstance: services.log,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit,
    requestTimeout,
    keepAliveTimeout: timeouts.serviceKeepAlive * 1000,
    // What still arrives on open connections while closing is served, with `connection: close`.
    return503OnClosing: false,
    frameworkErrors: (error, request, reply) => {
      handleError(error, request, reply);
    },
  });
  app.setValidatorCompiler(compileSchema);
  app.removeContentTypeParser('text/plain');

  app.addHook('onRequest', async (_request, reply) => {
    reply.header(headers.servedRegion, services.region).header(headers.servedTask, services.task);
  });
  app.addHook('onResponse', logAccess);
  app.setErrorHandler(handleError);
  app.setNotFoundHandler((request, reply) =>
    sendProblem(reply, new Problem(404, `There is nothing at ${request.method} ${request.url}.`)),
  );

  app.register(pageRoutes(services.client));
  app.register(imageRoutes(services));
  app.register(eventRoutes(services.streams));
  app.register(healthRoutes(services.readiness, services.media, services.regions));
  return app;
}
