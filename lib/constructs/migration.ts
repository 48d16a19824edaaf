/** Brings the schema up to date at every deploy that changes it, before the region's service meets it. */

import { Duration, Stack } from 'aws-cdk-lib';
import type * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import { Trigger } from 'aws-cdk-lib/triggers';
import { Construct } from 'constructs';
import { databaseUsers, type MigrateVariables } from '../../contract/variables.ts';
import { otherRegions, type Placement } from '../placement.ts';
import type { Database } from './database.ts';
import { workloadFunction } from './workload-function.ts';

/** Just below a function's fifteen minutes: the trigger must see the function's own error. */
const timeoutSeconds = 14 * 60;

export interface MigrationProps {
  readonly placement: Placement;
  /** Folder of the function's code. */
  readonly code: string;
  readonly vpc: ec2.IVpc;
  readonly database: Database;
}

export class Migration extends Construct {
  readonly #trigger: Trigger;

  constructor(scope: Construct, id: string, { placement, code, vpc, database }: MigrationProps) {
    super(scope, id);
    const { names } = placement;
    const master = secretsmanager.Secret.fromSecretNameV2(this, 'Master', names.masterSecret);
    const variables: MigrateVariables = { ...database.variables, DATABASE_SECRET_ARN: master.secretArn };
    const migrate = workloadFunction(this, 'Function', {
      placement,
      description: 'Brings the schema up to date',
      functionName: names.migrateFunction,
      code,
      variables,
      timeoutSeconds,
      vpc,
    });
    master.grantRead(migrate);
    database.grantConnect(migrate, databaseUsers.migrator);
    this.#invokeOthers(migrate, placement);
    this.#trigger = new Trigger(this, 'Trigger', {
      handler: migrate,
      timeout: Duration.seconds(timeoutSeconds),
    });
    // The rules that let the function reach the database are children of its security group.
    this.#trigger.executeAfter(...migrate.connections.securityGroups);
  }

  /** Holds a part back until the schema is what it expects. */
  executeBefore(...parts: Construct[]): void {
    this.#trigger.executeBefore(...parts);
  }

  /** Where another region writes, its function does the work, by a name that every region knows. */
  #invokeOthers(grantee: iam.IGrantable, placement: Placement): void {
    const resources = otherRegions(placement).map((region) =>
      Stack.of(this).formatArn({
        service: 'lambda',
        region,
        resource: `function:${placement.names.migrateFunction}`,
      }),
    );
    if (resources.length > 0) {
      iam.Grant.addToPrincipal({ grantee, actions: ['lambda:InvokeFunction'], resourceArns: resources });
    }
  }
}
