/** TLS against a real server with a certificate of its own, and the tokens that stand for a password. */

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import pg from 'pg';
import { tokenSecurity, transportSecurity } from '../../runtime/database-security.ts';
import { setVariables } from '../support/aws.ts';
import { databaseName, master, type PostgresServer, startPostgres } from '../support/postgres.ts';

const hasOpenssl = spawnSync('openssl', ['version']).status === 0;
if (!hasOpenssl) console.warn('openssl is not installed: tests of TLS to the database are skipped');

/** A self-signed certificate for names, as `IP:127.0.0.1`. */
function certificateFor(names: string): { certificate: string; key: string } {
  const folder = mkdtempSync(join(tmpdir(), 'meridian-certificate-'));
  const [certificate, key] = [join(folder, 'certificate.pem'), join(folder, 'key.pem')];
  try {
    const made = spawnSync('openssl', [
      ...[
        'req',
        '-x509',
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:prime256v1',
        '-nodes',
        '-days',
        '2',
      ],
      ...['-subj', '/CN=test', '-addext', `subjectAltName=${names}`, '-keyout', key, '-out', certificate],
    ]);
    if (made.status !== 0) throw new Error(String(made.stderr));
    return { certificate: readFileSync(certificate, 'utf8'), key: readFileSync(key, 'utf8') };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

(hasOpenssl ? describe : describe.skip)('TLS', () => {
  let postgres: PostgresServer;
  const right = hasOpenssl ? certificateFor('IP:127.0.0.1') : { certificate: '', key: '' };
  const wrong = hasOpenssl ? certificateFor('DNS:db.example.com') : { certificate: '', key: '' };

  beforeAll(async () => {
    [postgres] = await startPostgres();
  }, 30_000);
  afterAll(() => postgres?.stop());

  const present = ({ certificate, key }: { certificate: string; key: string }) =>
    postgres.configure(
      { ssl: 'on', ssl_cert_file: 'server.crt', ssl_key_file: 'server.key' },
      { 'server.crt': certificate, 'server.key': key },
    );

  /** Whether the connection is encrypted, as the server sees it. */
  async function connect(roots?: readonly string[]): Promise<boolean> {
    const client = new pg.Client({
      host: '127.0.0.1',
      port: postgres.port,
      database: databaseName,
      user: master.username,
      password: master.password,
      ...transportSecurity({}, roots),
    });
    client.on('error', () => {});
    try {
      await client.connect();
      const { rows } = await client.query('SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()');
      return rows[0].ssl;
    } finally {
      await client.end().catch(() => {});
    }
  }

  test('is refused by a server without it', async () => {
    await expect(connect()).rejects.toThrow(/does not support SSL/);
  });

  test('is verified: against the roots of Amazon RDS unless others are given, and by name', async () => {
    await present(right);
    await expect(connect()).rejects.toThrow(/self-signed certificate/);
    expect(await connect([right.certificate])).toBe(true);
    await present(wrong);
    // The server reads its files a moment later.
    let refused = '';
    for (let i = 0; i < 100 && !refused.includes('127.0.0.1'); i++) {
      refused = await connect([right.certificate, wrong.certificate]).then(
        () => '',
        (error: Error) => error.message,
      );
    }
    expect(refused).toMatch(/IP: 127\.0\.0\.1 is not in the cert's list/);
  });
});

describe('signing in', () => {
  let restore: () => void;
  beforeAll(() => {
    restore = setVariables({
      AWS_REGION: 'eu-west-1',
      AWS_ACCESS_KEY_ID: 'AKID',
      AWS_SECRET_ACCESS_KEY: 'secret',
    });
  });
  afterAll(() => restore());

  test('is by a token of 15 minutes for the host, port and user, made anew for each connection', async () => {
    const { password, ssl } = tokenSecurity({ host: 'db.example.com', port: 5432 }, 'meridian_app', {});
    expect(ssl).toMatchObject({ rejectUnauthorized: true });
    const token = await (password as () => Promise<string>)();
    const url = new URL(`https://${token}`);
    expect(url.host).toBe('db.example.com:5432');
    expect(Object.fromEntries(url.searchParams)).toMatchObject({
      Action: 'connect',
      DBUser: 'meridian_app',
      'X-Amz-Expires': '900',
      'X-Amz-Credential': expect.stringMatching(/^AKID\/\d{8}\/eu-west-1\/rds-db\/aws4_request$/),
    });
  });

  test('needs neither where TLS is off', () => {
    expect(tokenSecurity({ host: 'db', port: 1 }, 'meridian_app', { DATABASE_TLS: 'off' })).toEqual({
      ssl: false,
    });
    expect(transportSecurity({ DATABASE_TLS: 'off' })).toEqual({ ssl: false });
  });
});
