/** The region's network: dual-stack, three zones, public, application and data subnets. */

import type { Stack } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import type * as s3 from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import type { Network } from '../../config/environment.ts';
import { regionFacts } from '../../config/regions.ts';
import type { Placement } from '../placement.ts';
import { FunctionEndpoints } from './function-endpoints.ts';

export interface RegionalVpcProps {
  readonly placement: Placement;
  /** Takes the flow logs. */
  readonly logs: s3.IBucket;
}

/** NAT gateways by the configuration's word. */
const natGateways: Readonly<Record<Network['nat'], number>> = { 'per-zone': 3, one: 1, none: 0 };

export class RegionalVpc extends Construct {
  readonly vpc: ec2.Vpc;

  constructor(scope: Construct, id: string, { placement, logs }: RegionalVpcProps) {
    super(scope, id);
    const { environment, region } = placement;
    const { zoneIds } = regionFacts(region);
    const { cidr } = environment.regions.find((entry) => entry.name === region)!;
    const { nat } = environment.network;
    // Nine subnets of equal size fit in sixteen parts of the block.
    const cidrMask = Number(cidr.split('/')[1]) + 4;

    this.vpc = new ec2.Vpc(this, 'Resource', {
      ipAddresses: ec2.IpAddresses.cidr(cidr),
      ipProtocol: ec2.IpProtocol.DUAL_STACK,
      availabilityZones: [...zoneIds],
      natGateways: natGateways[nat],
      subnetConfiguration: [
        { name: 'Public', subnetType: ec2.SubnetType.PUBLIC, cidrMask, mapPublicIpOnLaunch: false },
        {
          name: 'App',
          subnetType: nat === 'none' ? ec2.SubnetType.PRIVATE_ISOLATED : ec2.SubnetType.PRIVATE_WITH_EGRESS,
          cidrMask,
        },
        { name: 'Data', subnetType: ec2.SubnetType.PRIVATE_ISOLATED, cidrMask },
      ],
      gatewayEndpoints: { S3: { service: ec2.GatewayVpcEndpointAwsService.S3 } },
      flowLogs: {
        Logs: {
          destination: ec2.FlowLogDestination.toS3(logs, 'vpc', {
            fileFormat: ec2.FlowLogFileFormat.PARQUET,
            hiveCompatiblePartitions: true,
            perHourPartition: true,
          }),
        },
      },
    });
    for (const subnet of [
      ...this.vpc.publicSubnets,
      ...this.vpc.privateSubnets,
      ...this.vpc.isolatedSubnets,
    ]) {
      // Zone ids are the same zone in every account; names are shuffled per account, and the order of
      // Fn::GetAZs may change and replace subnets.
      const cfn = subnet.node.defaultChild as ec2.CfnSubnet;
      cfn.availabilityZoneId = cfn.availabilityZone;
      cfn.availabilityZone = undefined;
    }
    if (nat === 'none') {
      new FunctionEndpoints(this, 'Endpoints', { vpc: this.vpc, cidr, worker: environment.worker });
    }
  }

  /**
   * Answers the question for zones that a Vpc asks of the account even when they are given.
   * @param stack has no children yet: context comes first
   */
  static answerZones(stack: Stack, { environment, region }: Placement): void {
    const key = `availability-zones:account=${environment.account}:region=${region}`;
    stack.node.setContext(key, [...regionFacts(region).zoneIds]);
  }

  /** Where functions run: private, with a way out by NAT, or only to the endpoints where there is none. */
  static readonly functions: ec2.SubnetSelection = { subnetGroupName: 'App' };
  /** Where database and cache stand: no way out. */
  static readonly stores: ec2.SubnetSelection = { subnetGroupName: 'Data' };
}
