/** The database users of running code, and what they may do. */

import type { ClientBase } from 'pg';
import { schemaVersionTable } from '../../contract/schema.ts';
import { databaseUsers } from '../../contract/variables.ts';

/** Role of Aurora whose members sign in with IAM tokens, and only with those. */
const iamRole = 'rds_iam';

/**
 * Creates the users and grants them what exists by now; to be run after every migration. The master user must
 * never become a member of these users: it would inherit `rds_iam` and lose its password.
 */
export async function ensureRoles(client: ClientBase): Promise<void> {
  const { app, migrator } = databaseUsers;
  const { rows } = await client.query<{ rolname: string }>(
    'SELECT rolname FROM pg_roles WHERE rolname = ANY($1)',
    [[app, migrator, iamRole]],
  );
  const exists = (role: string) => rows.some((row) => row.rolname === role);

  await client.query('BEGIN');
  for (const user of [app, migrator]) {
    if (!exists(user)) await client.query(`CREATE ROLE ${user} LOGIN`);
    if (exists(iamRole)) await client.query(`GRANT ${iamRole} TO ${user}`);
  }
  await client.query(`
    GRANT USAGE ON SCHEMA public TO ${app};
    GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO ${app};
    REVOKE INSERT, UPDATE, DELETE ON ${schemaVersionTable} FROM ${app};
    GRANT ALL ON SCHEMA public TO ${migrator};
    GRANT ALL ON ALL TABLES IN SCHEMA public TO ${migrator};
  `);
  await client.query('COMMIT');
}
