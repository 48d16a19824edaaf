/** WAF: AWS's rules against known attacks, and a limit of requests per address. */

import { ArnFormat, Stack } from 'aws-cdk-lib';
import type * as elbv2 from 'aws-cdk-lib/aws-elasticloadbalancingv2';
import * as wafv2 from 'aws-cdk-lib/aws-wafv2';
import { Construct } from 'constructs';
import type { Placement } from '../placement.ts';
import { logGroup } from './log-group.ts';

/** Requests of one address in five minutes: far above a person, far below a flood. */
const requestsPerFiveMinutes = 2000;

/** Rule groups of AWS, and their rules that only count here. */
const managedRules: Readonly<Record<string, readonly string[]>> = {
  AWSManagedRulesAmazonIpReputationList: [],
  AWSManagedRulesKnownBadInputsRuleSet: [],
  // Bodies above 8 KB are legitimate here; the service has its own limit.
  AWSManagedRulesCommonRuleSet: ['SizeRestrictions_BODY'],
};

export interface FirewallProps {
  readonly placement: Placement;
  /** `CLOUDFRONT` stands in us-east-1 and is named by the distribution; `REGIONAL` is associated. */
  readonly scope: 'CLOUDFRONT' | 'REGIONAL';
}

export class Firewall extends Construct {
  readonly arn: string;

  constructor(scope: Construct, id: string, props: FirewallProps) {
    super(scope, id);
    const { testers = [] } = props.placement.environment;
    const acl = new wafv2.CfnWebACL(this, 'Resource', {
      scope: props.scope,
      defaultAction: { allow: {} },
      visibilityConfig: visible('firewall'),
      rules: [
        {
          name: 'rate',
          priority: 0,
          action: { block: { customResponse: { responseCode: 429 } } },
          visibilityConfig: visible('rate'),
          statement: {
            rateBasedStatement: {
              aggregateKeyType: 'IP',
              limit: requestsPerFiveMinutes,
              scopeDownStatement: this.#notFrom(testers, props.scope),
            },
          },
        },
        ...Object.entries(managedRules).map(([name, counted], i) => ({
          name,
          priority: i + 1,
          overrideAction: { none: {} },
          visibilityConfig: visible(name),
          statement: {
            managedRuleGroupStatement: {
              vendorName: 'AWS',
              name,
              ruleActionOverrides: counted.map((rule) => ({ name: rule, actionToUse: { count: {} } })),
            },
          },
        })),
      ],
    });
    this.arn = acl.attrArn;
    this.#log(props);
  }

  /** Keeps what was blocked or counted, without what identifies a session. */
  #log({ placement, scope }: FirewallProps): void {
    // WAF takes only destinations whose name begins like this; both scopes may stand in one region.
    const name = `aws-waf-logs-${placement.names.prefix}-${scope.toLowerCase()}`;
    const group = logGroup(this, 'Logs', placement, name);
    const logging = new wafv2.CfnLoggingConfiguration(this, 'Logging', {
      resourceArn: this.arn,
      // Not the log group's own ARN attribute: its `:*` at the end is refused.
      logDestinationConfigs: [
        Stack.of(this).formatArn({
          service: 'logs',
          resource: 'log-group',
          resourceName: name,
          arnFormat: ArnFormat.COLON_RESOURCE_NAME,
        }),
      ],
      loggingFilter: {
        DefaultBehavior: 'DROP',
        Filters: [
          {
            Behavior: 'KEEP',
            Requirement: 'MEETS_ANY',
            Conditions: ['BLOCK', 'COUNT'].map((Action) => ({ ActionCondition: { Action } })),
          },
        ],
      },
      redactedFields: ['cookie', 'authorization'].map((Name) => ({ singleHeader: { Name } })),
    });
    logging.node.addDependency(group);
  }

  /** Puts a regional firewall before a load balancer. */
  protect(loadBalancer: elbv2.IApplicationLoadBalancer): void {
    new wafv2.CfnWebACLAssociation(this, 'Association', {
      webAclArn: this.arn,
      resourceArn: loadBalancer.loadBalancerArn,
    });
  }

  /** Requests that come from none of the CIDRs; undefined, all requests, when there is none. */
  #notFrom(
    cidrs: readonly string[],
    scope: FirewallProps['scope'],
  ): wafv2.CfnWebACL.StatementProperty | undefined {
    const sets = (['IPV4', 'IPV6'] as const).flatMap((ipAddressVersion) => {
      const addresses = cidrs.filter((cidr) => cidr.includes(':') === (ipAddressVersion === 'IPV6'));
      if (addresses.length === 0) return [];
      const set = new wafv2.CfnIPSet(this, `Testers${ipAddressVersion}`, {
        scope,
        ipAddressVersion,
        addresses,
      });
      return [{ ipSetReferenceStatement: { arn: set.attrArn } }];
    });
    const [first, second] = sets;
    if (!first) return undefined;
    return { notStatement: { statement: second ? { orStatement: { statements: [first, second] } } : first } };
  }
}

function visible(metricName: string): wafv2.CfnWebACL.VisibilityConfigProperty {
  return { metricName, cloudWatchMetricsEnabled: true, sampledRequestsEnabled: true };
}
