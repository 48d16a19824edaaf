/**
 * Whose picture it is, before anybody signs in: a random cookie. The cookie is a secret of the browser; what is
 * stored, signed into uploads and shown is its hash, which proves nothing to whoever reads it.
 */

import { createHash, randomUUID } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';

const cookieName = 'owner';
const lifeSeconds = 365 * 24 * 3600;
const cookiePattern = new RegExp(`(?:^|;\\s*)${cookieName}=([0-9a-f-]{36})(?:;|$)`);

/** The owner that a request's cookie stands for; undefined without one. */
export function ownerOf(request: FastifyRequest): string | undefined {
  const cookie = cookiePattern.exec(request.headers.cookie ?? '')?.[1];
  return cookie && ownerFrom(cookie);
}

/** As `ownerOf`; a request without the cookie gets one with its answer. */
export function ensureOwner(request: FastifyRequest, reply: FastifyReply): string {
  const known = ownerOf(request);
  if (known) return known;
  const cookie = randomUUID();
  reply.header(
    'set-cookie',
    `${cookieName}=${cookie}; Path=/; Max-Age=${lifeSeconds}; HttpOnly; Secure; SameSite=Lax`,
  );
  return ownerFrom(cookie);
}

/** 128 bits of SHA-256 in hexadecimal. */
export function ownerFrom(cookie: string): string {
  return createHash('sha256').update(cookie).digest('hex').slice(0, 32);
}
