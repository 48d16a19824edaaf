/**
 * The way in without a domain: an internal HTTP load balancer that CloudFront reaches by a VPC origin. There is no
 * certificate to prove a name, and no way to it from outside the network.
 */

import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as elbv2 from 'aws-cdk-lib/aws-elasticloadbalancingv2';
import { Construct } from 'constructs';
import { type Entry, type EntryProps, loadBalancer, taskTargets } from './entry.ts';
import { ManagedPrefixList, prefixLists } from './managed-prefix-list.ts';
import { RegionalVpc } from './regional-vpc.ts';

const http = 80;

export class InternalEntry extends Construct implements Entry {
  readonly loadBalancer: elbv2.ApplicationLoadBalancer;
  readonly targets: elbv2.ApplicationTargetGroup;

  constructor(scope: Construct, id: string, props: EntryProps) {
    super(scope, id);
    const securityGroup = new ec2.SecurityGroup(this, 'CloudFront', {
      vpc: props.vpc,
      description: 'Load balancer: HTTP from CloudFront',
      allowAllOutbound: false,
    });
    new ManagedPrefixList(this, 'CloudFrontIpv4', prefixLists.cloudFrontIpv4).allowTo(securityGroup, http);
    this.loadBalancer = loadBalancer(this, props, {
      internetFacing: false,
      ipAddressType: elbv2.IpAddressType.IPV4,
      vpcSubnets: RegionalVpc.functions,
      securityGroup,
    });
    this.targets = taskTargets(this, props);
    this.loadBalancer.addListener('Http', {
      port: http,
      protocol: elbv2.ApplicationProtocol.HTTP,
      open: false,
      defaultTargetGroups: [this.targets],
    });
  }
}
