/** Why a finding of cdk-nag is accepted, written beside what it is about. */

import { Validations } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';

/**
 * Accepts findings of the AwsSolutions pack on a construct and its children.
 * @param findings rule (as `IAM4`, or `IAM5[Resource::*]`: wildcards are accepted one by one) to the reason
 */
export function acknowledge(construct: IConstruct, findings: Readonly<Record<string, string>>): void {
  Validations.of(construct).acknowledge(
    ...Object.entries(findings).map(([rule, reason]) => ({
      id: `AwsSolutions::AwsSolutions-${rule}`,
      reason,
    })),
  );
}
