/** Runs before the service of its region is deployed: a deploy with a failed migration goes no further. */

import { join } from 'node:path';
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { type MigrateVariables, readVariables } from '../../contract/variables.ts';
import { awsTimeouts } from '../../runtime/clients.ts';
import { createLogger } from '../../runtime/log.ts';
import { connectMaster, type Master } from './connect.ts';
import { type MigrateReport, migrate } from './migrate.ts';
import { readMigrations } from './migrations.ts';

const log = createLogger('migrate');

export async function handler(): Promise<MigrateReport> {
  const variables = readVariables<MigrateVariables>([
    'DATABASE_HOST',
    'DATABASE_READER_HOST',
    'DATABASE_NAME',
    'DATABASE_SECRET_ARN',
  ]);
  const migrations = await readMigrations(join(import.meta.dirname, 'migrations'));
  const client = await connectMaster(variables, await readMaster(variables.DATABASE_SECRET_ARN));
  try {
    const report = await migrate(client, migrations);
    log.info(report, 'schema is up to date');
    return report;
  } finally {
    await client.end();
  }
}

async function readMaster(arn: string): Promise<Master> {
  const client = new SecretsManagerClient(awsTimeouts);
  const { SecretString } = await client.send(new GetSecretValueCommand({ SecretId: arn }));
  const { username, password } = JSON.parse(SecretString ?? '{}') as Partial<Master>;
  if (!username || !password) throw new Error(`secret ${arn} has no username and password`);
  return { username, password };
}
