/** The stateless web tier of a region: Fargate tasks that scale between a minimum bought for failover and a maximum. */

import { Duration } from 'aws-cdk-lib';
import * as appscaling from 'aws-cdk-lib/aws-applicationautoscaling';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import { Platform } from 'aws-cdk-lib/aws-ecr-assets';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import { HttpCodeTarget } from 'aws-cdk-lib/aws-elasticloadbalancingv2';
import type * as iam from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import type { Web } from '../../config/environment.ts';
import { timeouts } from '../../contract/http.ts';
import type { WebVariables } from '../../contract/variables.ts';
import type { Placement } from '../placement.ts';
import type { Workload } from '../workload.ts';
import { acknowledge } from './acknowledge.ts';
import { Alarm } from './alarm.ts';
import { clientSecurityGroup } from './client-security-group.ts';
import type { Entry } from './entry.ts';
import { logGroup } from './log-group.ts';
import { RegionalVpc } from './regional-vpc.ts';

/** Answers with 5xx in a minute at which a deployment is taken back: more than single tasks that end cause. */
const errorsPerMinute = 20;

/** Share of a task's capacity at which another is started. */
const targetUse = 0.7;

export interface WebServiceProps {
  readonly placement: Placement;
  readonly vpc: ec2.IVpc;
  readonly web: Workload['web'];
  /** Folder with the bundle and its Dockerfile. */
  readonly code: string;
  readonly variables: WebVariables;
  readonly entry: Entry;
}

export class WebService extends Construct implements iam.IGrantable, ec2.IConnectable {
  readonly grantPrincipal: iam.IPrincipal;
  readonly connections: ec2.Connections;

  constructor(scope: Construct, id: string, props: WebServiceProps) {
    super(scope, id);
    const { placement, vpc, entry } = props;
    const { environment } = placement;
    const isPublic = environment.network.nat === 'none';

    const cluster = new ecs.Cluster(this, 'Cluster', {
      vpc,
      containerInsightsV2: ecs.ContainerInsights.ENABLED,
      enableFargateCapacityProviders: true,
    });
    const taskDefinition = this.#task(props);
    const service = new ecs.FargateService(this, 'Service', {
      cluster,
      taskDefinition,
      // Never a desired count: a deploy would undo what scaling has done.
      minHealthyPercent: 100,
      maxHealthyPercent: 200,
      circuitBreaker: { rollback: true },
      availabilityZoneRebalancing: ecs.AvailabilityZoneRebalancing.ENABLED,
      healthCheckGracePeriod: Duration.seconds(60),
      capacityProviderStrategies: capacity(environment.web),
      vpcSubnets: isPublic ? { subnetType: ec2.SubnetType.PUBLIC } : RegionalVpc.functions,
      assignPublicIp: isPublic,
      securityGroups: [clientSecurityGroup(this, 'SecurityGroup', vpc, 'Web tasks')],
      propagateTags: ecs.PropagatedTagSource.SERVICE,
    });
    service.attachToApplicationTargetGroup(entry.targets);
    this.#scale(service, props);
    const alarms = this.#deploymentAlarms(props);
    const names = alarms.map(({ alarmName }) => alarmName);
    service.enableDeploymentAlarms(names, { behavior: ecs.AlarmBehavior.ROLLBACK_ON_ALARM });
    service.node.addDependency(...alarms);
    this.grantPrincipal = taskDefinition.taskRole;
    this.connections = service.connections;
  }

  #task({ placement, web, code, variables }: WebServiceProps): ecs.FargateTaskDefinition {
    const { cpu, memoryMiB } = placement.environment.web;
    const task = new ecs.FargateTaskDefinition(this, 'Task', {
      cpu,
      memoryLimitMiB: memoryMiB,
      runtimePlatform: {
        cpuArchitecture: ecs.CpuArchitecture.ARM64,
        operatingSystemFamily: ecs.OperatingSystemFamily.LINUX,
      },
    });
    const linuxParameters = new ecs.LinuxParameters(this, 'Linux', { initProcessEnabled: true });
    linuxParameters.dropCapabilities(ecs.Capability.ALL);
    linuxParameters.addTmpfs({ containerPath: '/tmp', size: 64 });
    task.addContainer('web', {
      image: ecs.ContainerImage.fromAsset(code, { platform: Platform.LINUX_ARM64 }),
      environment: { ...variables },
      portMappings: [{ containerPort: web.port }],
      logging: ecs.LogDrivers.awsLogs({
        logGroup: logGroup(this, 'Logs', placement),
        streamPrefix: 'web',
        // A slow log service must not stop requests.
        mode: ecs.AwsLogDriverMode.NON_BLOCKING,
      }),
      stopTimeout: Duration.seconds(timeouts.stop),
      readonlyRootFilesystem: true,
      // The user that the Dockerfile names, by number: a name would have to be looked up.
      user: '1000:1000',
      linuxParameters,
    });
    acknowledge(task, {
      ECS2: 'The variables name things and hold no secret: tasks sign in by their role.',
      'IAM5[Resource::*]': 'ecr:GetAuthorizationToken, of the execution role, knows no resource to name.',
    });
    return task;
  }

  /** What rolls a deployment back that the circuit breaker lets pass: tasks start, and then fail. */
  #deploymentAlarms({ placement, entry }: WebServiceProps): Alarm[] {
    const period = Duration.minutes(1);
    const { metrics } = entry.targets;
    return [
      new Alarm(this, 'ServerErrors', {
        placement,
        name: 'web-server-errors',
        sentence: `Web tasks of ${placement.region} answered with 5xx at least ${errorsPerMinute} times a minute, three minutes long.`,
        metric: metrics.httpCodeTarget(HttpCodeTarget.TARGET_5XX_COUNT, { period, statistic: 'Sum' }),
        threshold: errorsPerMinute,
        periods: 3,
        // The metric exists only in minutes with such an answer.
        noData: 'good',
      }),
      new Alarm(this, 'TasksUnhealthy', {
        placement,
        name: 'web-tasks-unhealthy',
        sentence: `A web task of ${placement.region} was unhealthy at the load balancer for three minutes.`,
        metric: metrics.unhealthyHostCount({ period, statistic: 'Minimum' }),
        threshold: 1,
        periods: 3,
        // Not reported without targets: an empty group is another alarm's matter.
        noData: 'good',
      }),
    ];
  }

  #scale(service: ecs.FargateService, { placement, entry }: WebServiceProps): void {
    const { minTasks, maxTasks, rpsPerTask } = placement.environment.web;
    const { cooldownSeconds = { out: 30, in: 300 }, predictiveScaling = false } = placement.environment.web;
    const cooldowns = {
      scaleOutCooldown: Duration.seconds(cooldownSeconds.out),
      scaleInCooldown: Duration.seconds(cooldownSeconds.in),
    };
    const scaling = service.autoScaleTaskCount({ minCapacity: minTasks, maxCapacity: maxTasks });
    scaling.scaleOnRequestCount('Requests', {
      targetGroup: entry.targets,
      // The metric counts the requests of a minute.
      requestsPerTarget: Math.round(rpsPerTask * 60 * targetUse),
      ...cooldowns,
    });
    scaling.scaleOnCpuUtilization('Cpu', { targetUtilizationPercent: 100 * targetUse, ...cooldowns });
    if (predictiveScaling) {
      const target = scaling.node.findChild('Target') as appscaling.ScalableTarget;
      new appscaling.CfnScalingPolicy(this, 'Forecast', {
        policyName: 'forecast',
        policyType: 'PredictiveScaling',
        scalingTargetId: target.scalableTargetId,
        predictiveScalingPolicyConfiguration: {
          mode: 'ForecastOnly',
          metricSpecifications: [
            {
              targetValue: 100 * targetUse,
              predefinedMetricPairSpecification: { predefinedMetricType: 'ECSServiceCPUUtilization' },
            },
          ],
        },
      });
    }
  }
}

/** The minimum on Fargate, which is not taken back; of what comes on top, the share that may run on Spot. */
function capacity({ minTasks, spotShare = 0 }: Web): ecs.CapacityProviderStrategy[] {
  const spot = Math.round(spotShare * 100);
  return [
    { capacityProvider: 'FARGATE', base: minTasks, weight: 100 - spot },
    ...(spot > 0 ? [{ capacityProvider: 'FARGATE_SPOT', weight: spot }] : []),
  ];
}
