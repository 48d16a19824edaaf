/** The master user's connection, for as long as a new cluster needs to answer. */

import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { parseEndpoint } from '../../contract/endpoint.ts';
import { type DatabaseVariables, ports } from '../../contract/variables.ts';
import { transportSecurity } from '../../runtime/database-security.ts';

export interface Master {
  readonly username: string;
  readonly password: string;
}

/** Milliseconds between attempts, and for one attempt. */
const pauseMs = 1000;
const attemptMs = 5000;

/**
 * Connects to the cluster endpoint or, where that does not answer as in a secondary region, to a reader.
 * @throws Error with the last reason when neither answers in time, or at once when the password is refused
 */
export async function connectMaster(
  variables: DatabaseVariables,
  master: Master,
  withinMs = 90_000,
): Promise<pg.Client> {
  const until = performance.now() + withinMs;
  for (;;) {
    let reason: Error | undefined;
    for (const host of [variables.DATABASE_HOST, variables.DATABASE_READER_HOST]) {
      const client = new pg.Client({
        ...parseEndpoint(host, ports.database),
        ...transportSecurity(),
        database: variables.DATABASE_NAME,
        user: master.username,
        password: master.password,
        connectionTimeoutMillis: attemptMs,
        keepAlive: true,
      });
      // Without a listener a lost connection would end the process instead of failing the next query.
      client.on('error', () => {});
      try {
        await client.connect();
        return client;
      } catch (error) {
        if (isRefused(error)) throw error;
        reason ??= error as Error;
      }
    }
    if (performance.now() + pauseMs > until) {
      throw new Error(`no database answered within ${withinMs / 1000} s: ${reason?.message}`);
    }
    await sleep(pauseMs);
  }
}

/** Class 28: waiting does not make a password right. */
function isRefused(error: unknown): boolean {
  return error instanceof pg.DatabaseError && error.code?.startsWith('28') === true;
}
