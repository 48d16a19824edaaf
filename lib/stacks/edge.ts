/** What viewers meet: names, certificate, firewall, CDN. */

import { CfnOutput, Stack } from 'aws-cdk-lib';
import * as acm from 'aws-cdk-lib/aws-certificatemanager';
import type * as elbv2 from 'aws-cdk-lib/aws-elasticloadbalancingv2';
import * as targets from 'aws-cdk-lib/aws-route53-targets';
import type { Construct } from 'constructs';
import { Alias, recordOf } from '../constructs/alias.ts';
import { Cdn } from '../constructs/cdn.ts';
import { CdnLogs } from '../constructs/cdn-logs.ts';
import { internalOrigin, namedOrigin } from '../constructs/cdn-origins.ts';
import { Firewall } from '../constructs/firewall.ts';
import { hostedZone } from '../constructs/hosted-zone.ts';
import type { Placement } from '../placement.ts';
import type { Workload } from '../workload.ts';
import { stackProps } from './stack-props.ts';

export interface EdgeStackProps {
  readonly placement: Placement;
  readonly web: Workload['web'];
  /** The one region's load balancer; used only without a domain. */
  readonly loadBalancer: elbv2.IApplicationLoadBalancer;
}

export class EdgeStack extends Stack {
  constructor(scope: Construct, id: string, { placement, web, loadBalancer }: EdgeStackProps) {
    const { environment, names } = placement;
    const { dns } = names;
    super(scope, id, {
      ...stackProps(id, placement, 'Edge: CloudFront, WAF, certificate, www and apex'),
      // Without a domain the load balancer's ARN is the one value that no name can give another region.
      crossRegionReferences: !dns,
    });
    const firewall = new Firewall(this, 'Firewall', { placement, scope: 'CLOUDFRONT' });
    const zone = dns && hostedZone(this, placement);
    const { distribution } = new Cdn(this, 'Cdn', {
      placement,
      web,
      firewallArn: firewall.arn,
      origin: dns ? namedOrigin(placement) : internalOrigin(loadBalancer),
      certificate:
        dns &&
        new acm.Certificate(this, 'Certificate', {
          domainName: dns.www,
          subjectAlternativeNames: [dns.apex],
          validation: acm.CertificateValidation.fromDns(zone),
        }),
    });
    new CdnLogs(this, 'CdnLogs', { placement, distribution });
    if (dns && zone) {
      for (const [id, name] of Object.entries({ Www: dns.www, Apex: dns.apex })) {
        const target = environment.cdnBypass
          ? recordOf(zone, dns.origin)
          : new targets.CloudFrontTarget(distribution);
        new Alias(this, id, { zone, name, target });
      }
    }
    new CfnOutput(this, 'Address', {
      description: 'Where the site is',
      value: `https://${dns?.www ?? distribution.distributionDomainName}`,
    });
  }
}
