/** Errors as clients see them: RFC 9457 problem details. */

import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';

/** An error that is meant for the client. */
export class Problem extends Error {
  readonly status: number;
  readonly retryAfterSeconds: number | undefined;

  /** @param detail a sentence that says what was wrong and what to do */
  constructor(status: number, detail: string, retryAfterSeconds?: number) {
    super(detail);
    this.status = status;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** Something that the answer needs is away for now. */
export const unavailable = (detail: string): Problem => new Problem(503, detail, 2);

const titles: Readonly<Record<number, string>> = {
  400: 'Bad request',
  403: 'Forbidden',
  404: 'Not found',
  409: 'Conflict',
  413: 'Too large',
  415: 'Unsupported media type',
  500: 'Internal error',
  503: 'Unavailable',
};

/** Answers with a problem's JSON. */
export function sendProblem(reply: FastifyReply, problem: Problem): FastifyReply {
  if (problem.retryAfterSeconds !== undefined) reply.header('retry-after', problem.retryAfterSeconds);
  return reply
    .code(problem.status)
    .header('cache-control', 'no-store')
    .type('application/problem+json')
    .send({ title: titles[problem.status] ?? 'Error', status: problem.status, detail: problem.message });
}

/** Turns whatever a route threw into a problem; what nobody foresaw is logged and not shown. */
export function handleError(error: FastifyError | Problem, request: FastifyRequest, reply: FastifyReply) {
  if (error instanceof Problem) return sendProblem(reply, error);
  const status = error.statusCode ?? 500;
  if (status === 415) return sendProblem(reply, new Problem(415, 'Send the body as application/json.'));
  if (status < 500) return sendProblem(reply, new Problem(status, error.message));
  request.log.error({ err: error, path: request.url }, 'request failed');
  return sendProblem(reply, new Problem(500, 'Something went wrong here; try again.'));
}
