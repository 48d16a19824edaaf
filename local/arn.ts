/** Names and ARNs as CloudFormation would give them, stable over restarts. */

import { createHash } from 'node:crypto';
import type { Declared } from './resource.ts';

/** An ARN in the standard partition. */
export const arnOf = (service: string, region: string, account: string, resource: string): string =>
  `arn:aws:${service}:${region}:${account}:${resource}`;

/** The parts of an ARN. Throws for any other text. */
export function parseArn(arn: string): {
  service: string;
  region: string;
  account: string;
  resource: string;
} {
  const [prefix, , service, region, account, ...resource] = arn.split(':');
  if (prefix !== 'arn' || !service || resource.length === 0) {
    throw new Error(`got '${arn}', expected an ARN, as arn:aws:sqs:eu-west-1:111111111111:jobs`);
  }
  return { service, region: region ?? '', account: account ?? '', resource: resource.join(':') };
}

/** Whether a text has the shape of an ARN. */
export const isArn = (text: string): boolean => /^arn:[a-z-]+:[a-z0-9-]+:/.test(text);

/** Letters and digits that depend on the text alone, where CloudFormation would choose at random. */
export const stableId = (text: string, length = 12): string =>
  createHash('sha256').update(text).digest('hex').slice(0, length);

/** The name that a template gives, else one made of stack and logical id, as CloudFormation does. */
export function physicalName(declared: Declared, property: string): string {
  const { stackName, logicalId } = declared;
  return (
    declared.resolve<string>(property) ?? `${stackName}-${logicalId}-${stableId(`${stackName}/${logicalId}`)}`
  );
}
