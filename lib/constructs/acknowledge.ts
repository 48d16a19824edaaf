/** Why a finding of cdk-nag is accepted, written beside what it is about. */

import { Validations } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';

/** Names of the AWS managed policies that Lambda's L2 attaches to a function's role, as cdk-nag writes them. */
export const lambdaPolicies = {
  basic: managedPolicy('service-role/AWSLambdaBasicExecutionRole'),
  vpc: managedPolicy('service-role/AWSLambdaVPCAccessExecutionRole'),
} as const;

function managedPolicy(name: string): string {
  return `IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/${name}]`;
}

/**
 * Accepts findings of the AwsSolutions pack on a construct and its children.
 * @param findings rule (as `SMG4`, or `IAM5[Resource::*]`: policies and wildcards are accepted one by one) to the reason
 */
export function acknowledge(construct: IConstruct, findings: Readonly<Record<string, string>>): void {
  Validations.of(construct).acknowledge(
    ...Object.entries(findings).map(([rule, reason]) => ({
      id: `AwsSolutions::AwsSolutions-${rule}`,
      reason,
    })),
  );
}
