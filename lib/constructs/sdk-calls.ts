/** The function behind AwsCustomResource, one per stack. */

import { Stack } from 'aws-cdk-lib';
import { AwsCustomResource } from 'aws-cdk-lib/custom-resources';
import type { Construct } from 'constructs';
import { acknowledge, lambdaPolicies } from './acknowledge.ts';

/** Accepts findings on a custom resource's policy, and on the CDK's own function that makes its calls. */
export function acknowledgeSdkCalls(construct: Construct, findings: Readonly<Record<string, string>>): void {
  acknowledge(construct, findings);
  const id = `AWS${AwsCustomResource.PROVIDER_FUNCTION_UUID.replaceAll('-', '')}`;
  acknowledge(Stack.of(construct).node.findChild(id), {
    ...findings,
    [lambdaPolicies.basic]: 'The function is the CDK’s own; the managed policy lets it write its logs.',
    L1: 'The runtime is the CDK’s choice and follows its releases.',
  });
}
