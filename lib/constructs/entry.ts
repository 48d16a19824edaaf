/** How requests get to the tasks of a region: one interface, a public and an internal way. */

import { Duration } from 'aws-cdk-lib';
import type * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as elbv2 from 'aws-cdk-lib/aws-elasticloadbalancingv2';
import type { Construct } from 'constructs';
import { timeouts } from '../../contract/http.ts';
import type { Placement } from '../placement.ts';
import type { Workload } from '../workload.ts';

export interface EntryProps {
  readonly placement: Placement;
  readonly vpc: ec2.IVpc;
  readonly web: Workload['web'];
}

/**
 * Share of a region's tasks, in percent, below which the region leaves traffic by DNS and the load balancer stops
 * choosing: so few tasks would only fail under the load of all. DNS must not be the later of the two ("Target group
 * health", Elastic Load Balancing).
 */
const leastHealthyPercent = 20;

/** A load balancer and the group in which the tasks stand. */
export interface Entry {
  readonly loadBalancer: elbv2.ApplicationLoadBalancer;
  readonly targets: elbv2.ApplicationTargetGroup;
}

/** The load balancer, which logs every request in the region's logs bucket. */
export function loadBalancer(
  scope: Construct,
  { placement, vpc }: EntryProps,
  reach: Pick<
    elbv2.ApplicationLoadBalancerProps,
    'internetFacing' | 'ipAddressType' | 'vpcSubnets' | 'securityGroup'
  >,
): elbv2.ApplicationLoadBalancer {
  const { environment, names, region } = placement;
  const balancer = new elbv2.ApplicationLoadBalancer(scope, 'LoadBalancer', {
    ...reach,
    vpc,
    deletionProtection: environment.protect,
    dropInvalidHeaderFields: true,
    // Said, though it is the default: what could be read as two requests never shares a connection to a task.
    desyncMitigationMode: elbv2.DesyncMitigationMode.DEFENSIVE,
    idleTimeout: Duration.seconds(timeouts.balancerIdle),
    // Its minimum: a connection from CloudFront outlives a change of DNS by this much.
    clientKeepAlive: Duration.seconds(timeouts.balancerKeepAlive),
  });
  const attributes = {
    'access_logs.s3.enabled': 'true',
    'access_logs.s3.bucket': names.logsBucket(region),
    'access_logs.s3.prefix': 'alb',
    'zonal_shift.config.enabled': 'true',
  };
  for (const [key, value] of Object.entries(attributes)) balancer.setAttribute(key, value);
  return balancer;
}

/** The group of tasks, each judged by its liveness path alone: a database outage must not kill tasks. */
export function taskTargets(
  scope: Construct,
  { placement, vpc, web }: EntryProps,
): elbv2.ApplicationTargetGroup {
  const { algorithm = 'weighted_random' } = placement.environment.web;
  return new elbv2.ApplicationTargetGroup(scope, 'Tasks', {
    vpc,
    port: web.port,
    protocol: elbv2.ApplicationProtocol.HTTP,
    targetType: elbv2.TargetType.IP,
    loadBalancingAlgorithmType: algorithm as elbv2.TargetGroupLoadBalancingAlgorithmType,
    ...(algorithm === 'weighted_random' && { enableAnomalyMitigation: true }),
    targetGroupHealth: {
      dnsMinimumHealthyTargetCount: 1,
      dnsMinimumHealthyTargetPercentage: leastHealthyPercent,
      routingMinimumHealthyTargetCount: 1,
      routingMinimumHealthyTargetPercentage: leastHealthyPercent,
    },
    deregistrationDelay: Duration.seconds(timeouts.deregistration),
    healthCheck: {
      path: web.livenessPath,
      interval: Duration.seconds(10),
      timeout: Duration.seconds(5),
      healthyThresholdCount: 2,
      unhealthyThresholdCount: 2,
      healthyHttpCodes: '200',
    },
  });
}
