/** What every stack is told alike: account and region, its physical name, tags, protection. */

import type { StackProps } from 'aws-cdk-lib';
import type { Placement } from '../placement.ts';

/**
 * Properties of the stack with that id.
 * @param id as `eu-west-1-data`; the physical name is `<app>-<environment>-<id>`
 */
export function stackProps(
  id: string,
  { environment, names, region }: Placement,
  description: string,
): StackProps {
  return {
    env: { account: environment.account, region },
    stackName: names.stack(id),
    description,
    // Stack tags reach every resource through CloudFormation, without a line per resource in the template.
    tags: { app: names.prefix, environment: environment.name },
  };
}
