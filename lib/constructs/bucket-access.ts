/** Access to objects of buckets that are known by name, in whichever stack or region they are. */

import * as iam from 'aws-cdk-lib/aws-iam';
import type { IConstruct } from 'constructs';
import { acknowledge } from './acknowledge.ts';

export const bucketArn = (name: string): string => `arn:aws:s3:::${name}`;

/**
 * Lets a part do something with objects.
 * @param objects ARNs, with `*` for the keys
 * @param reason why it may be all of them
 */
export function grantObjects(
  part: iam.IGrantable & IConstruct,
  actions: string[],
  objects: string[],
  reason: string,
): void {
  iam.Grant.addToPrincipal({ grantee: part, actions, resourceArns: objects });
  acknowledge(part, Object.fromEntries(objects.map((arn) => [`IAM5[Resource::${arn}]`, reason])));
}
