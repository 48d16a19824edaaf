/**
 * The way in for several regions: a public HTTPS load balancer that only CloudFront can use. Network rules admit
 * CloudFront's addresses, which are every customer's, and a header proves that it is this environment's distribution.
 */

import { SecretValue } from 'aws-cdk-lib';
import * as acm from 'aws-cdk-lib/aws-certificatemanager';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as elbv2 from 'aws-cdk-lib/aws-elasticloadbalancingv2';
import { Construct } from 'constructs';
import { headers } from '../../contract/http.ts';
import type { Placement } from '../placement.ts';
import { acknowledge } from './acknowledge.ts';
import { type Entry, type EntryProps, loadBalancer, taskTargets } from './entry.ts';
import { Firewall } from './firewall.ts';
import { hostedZone } from './hosted-zone.ts';
import { ManagedPrefixList, prefixLists } from './managed-prefix-list.ts';
import { revisions } from './origin-secret.ts';

const { ListenerAction, ListenerCondition } = elbv2;
const https = 443;

export class PublicEntry extends Construct implements Entry {
  readonly loadBalancer: elbv2.ApplicationLoadBalancer;
  readonly targets: elbv2.ApplicationTargetGroup;

  constructor(scope: Construct, id: string, props: EntryProps) {
    super(scope, id);
    const { placement, vpc, web } = props;
    const { environment, names, region } = placement;
    const dns = names.dns!;

    this.loadBalancer = loadBalancer(this, props, {
      internetFacing: true,
      ipAddressType: elbv2.IpAddressType.DUAL_STACK,
      vpcSubnets: { subnetType: ec2.SubnetType.PUBLIC },
      securityGroup: this.#cloudFront(vpc),
    });
    this.loadBalancer.addSecurityGroup(this.#others(placement, vpc));
    this.targets = taskTargets(this, props);

    const listener = this.loadBalancer.addListener('Https', {
      port: https,
      open: false,
      sslPolicy: elbv2.SslPolicy.TLS13_12_RES_PQ,
      certificates: [
        new acm.Certificate(this, 'Certificate', {
          domainName: dns.origin,
          // Names of a certificate cannot change later, so the CDN bypass has its own from the first deploy.
          subjectAlternativeNames: [`*.${dns.origin}`, dns.www, dns.apex],
          validation: acm.CertificateValidation.fromDns(hostedZone(this, placement)),
        }),
      ],
      defaultAction: ListenerAction.fixedResponse(403, {
        contentType: 'text/plain',
        messageBody: 'forbidden',
      }),
    });
    listener.addAction('FromCloudFront', {
      priority: 10,
      conditions: [
        ListenerCondition.httpHeader(
          headers.originVerify,
          revisions(placement, 2).map((revision) =>
            SecretValue.secretsManager(names.originSecret(revision)).unsafeUnwrap(),
          ),
        ),
      ],
      action: ListenerAction.forward([this.targets]),
    });
    // Route 53's checkers know no header, so they get two paths, on the region's own name.
    listener.addAction('HealthChecks', {
      priority: 20,
      conditions: [
        ListenerCondition.hostHeaders([dns.regionalOrigin(region)]),
        ListenerCondition.pathPatterns([web.readinessPath, `${web.drainPath}*`]),
      ],
      action: ListenerAction.forward([this.targets]),
    });
    if (environment.cdnBypass) {
      listener.addAction('Bypass', {
        priority: 30,
        conditions: [ListenerCondition.hostHeaders([dns.www, dns.apex])],
        action: ListenerAction.forward([this.targets]),
      });
      new Firewall(this, 'Firewall', { placement, scope: 'REGIONAL' }).protect(this.loadBalancer);
    }
  }

  /** CloudFront's IPv4 and IPv6 lists fill a security group's quota of rules: nothing else fits. */
  #cloudFront(vpc: ec2.IVpc): ec2.SecurityGroup {
    const group = new ec2.SecurityGroup(this, 'CloudFront', {
      vpc,
      description: 'Load balancer: HTTPS from CloudFront',
      allowAllOutbound: false,
    });
    new ManagedPrefixList(this, 'CloudFrontIpv4', prefixLists.cloudFrontIpv4).allowTo(group, https);
    new ManagedPrefixList(this, 'CloudFrontIpv6', prefixLists.cloudFrontIpv6).allowTo(group, https);
    return group;
  }

  /** Route 53's checkers, load generators, and everyone while CloudFront is bypassed. */
  #others(placement: Placement, vpc: ec2.IVpc): ec2.SecurityGroup {
    const { testers = [], cdnBypass = false } = placement.environment;
    const group = new ec2.SecurityGroup(this, 'Others', {
      vpc,
      description: 'Load balancer: HTTPS from health checkers and load generators',
      allowAllOutbound: false,
    });
    new ManagedPrefixList(this, 'HealthCheckers', prefixLists.healthCheckers(placement)).allowTo(
      group,
      https,
    );
    for (const cidr of testers) {
      const peer = cidr.includes(':') ? ec2.Peer.ipv6(cidr) : ec2.Peer.ipv4(cidr);
      group.addIngressRule(peer, ec2.Port.tcp(https), 'Load generator');
    }
    if (cdnBypass) {
      group.addIngressRule(ec2.Peer.anyIpv4(), ec2.Port.tcp(https), 'CDN bypass');
      group.addIngressRule(ec2.Peer.anyIpv6(), ec2.Port.tcp(https), 'CDN bypass');
      acknowledge(group, {
        EC23: 'cdnBypass is set: the load balancers serve the world until CloudFront is back.',
      });
    }
    return group;
  }
}
