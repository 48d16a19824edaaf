/**
 * Addresses that AWS keeps in a list, as CloudFront's. The list's id differs by region and is read at deploy time:
 * a look-up at synth would need credentials.
 */

import { Stack } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as iam from 'aws-cdk-lib/aws-iam';
import { AwsCustomResource, AwsCustomResourcePolicy, PhysicalResourceId } from 'aws-cdk-lib/custom-resources';
import { Construct } from 'constructs';
import type { Placement } from '../placement.ts';
import { acknowledgeSdkCalls } from './sdk-calls.ts';

/** Names of the lists, the same in every region but for the last. */
export const prefixLists = {
  cloudFrontIpv4: 'com.amazonaws.global.cloudfront.origin-facing',
  cloudFrontIpv6: 'com.amazonaws.global.ipv6.cloudfront.origin-facing',
  /** IPv4 only: Route 53 checks a domain name over IPv4. */
  healthCheckers: ({ region }: Placement) => `com.amazonaws.${region}.route53-healthchecks`,
} as const;

export class ManagedPrefixList extends Construct {
  readonly #id: string;

  constructor(scope: Construct, id: string, name: string) {
    super(scope, id);
    const call = {
      service: 'EC2',
      action: 'describeManagedPrefixLists',
      // One name: the order of several answers is not promised.
      parameters: { Filters: [{ Name: 'prefix-list-name', Values: [name] }] },
      outputPaths: ['PrefixLists.0.PrefixListId'],
      physicalResourceId: PhysicalResourceId.of(name),
    };
    const lookup = new AwsCustomResource(this, 'Resource', {
      resourceType: 'Custom::ManagedPrefixList',
      onUpdate: call,
      policy: AwsCustomResourcePolicy.fromStatements([
        new iam.PolicyStatement({ actions: ['ec2:DescribeManagedPrefixLists'], resources: ['*'] }),
      ]),
      installLatestAwsSdk: false,
    });
    this.#id = lookup.getResponseField('PrefixLists.0.PrefixListId');
    acknowledgeSdkCalls(this, {
      'IAM5[Resource::*]': 'ec2:DescribeManagedPrefixLists knows no resource to name.',
    });
  }

  /** Lets the listed addresses reach a port of a security group. */
  allowTo(securityGroup: ec2.ISecurityGroup, port: number): void {
    // The L2 names a rule after its peer and silently drops a second one whose peer is a token.
    new ec2.CfnSecurityGroupIngress(this, `Port${port}`, {
      groupId: securityGroup.securityGroupId,
      sourcePrefixListId: this.#id,
      ipProtocol: 'tcp',
      fromPort: port,
      toPort: port,
      description: `${Stack.of(this).stackName} ${this.node.id}`,
    });
  }
}
