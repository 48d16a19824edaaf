/** The security group of a part that calls others: out by HTTPS, and to what lets it in. */

import * as ec2 from 'aws-cdk-lib/aws-ec2';
import type { Construct } from 'constructs';

/** AWS's services are reached by HTTPS; a store adds a rule for its own port when it grants access. */
export function clientSecurityGroup(
  scope: Construct,
  id: string,
  vpc: ec2.IVpc,
  description: string,
): ec2.SecurityGroup {
  const group = new ec2.SecurityGroup(scope, id, { vpc, description, allowAllOutbound: false });
  for (const peer of [ec2.Peer.anyIpv4(), ec2.Peer.anyIpv6()]) {
    group.addEgressRule(peer, ec2.Port.tcp(443), 'HTTPS to AWS services');
  }
  return group;
}
