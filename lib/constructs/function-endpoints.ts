/**
 * Interface endpoints for a network without NAT. A function in a VPC never has a public address, so exactly what
 * functions call is brought into the network, in one zone: each endpoint is paid per zone and hour.
 */

import * as ec2 from 'aws-cdk-lib/aws-ec2';
import { Construct } from 'constructs';
import type { Worker } from '../../config/environment.ts';

export interface FunctionEndpointsProps {
  readonly vpc: ec2.Vpc;
  /** IPv4 block of the network, which alone may use the endpoints. */
  readonly cidr: string;
  readonly worker: Worker;
}

export class FunctionEndpoints extends Construct {
  constructor(scope: Construct, id: string, { vpc, cidr, worker }: FunctionEndpointsProps) {
    super(scope, id);
    const called: Readonly<Record<string, ec2.InterfaceVpcEndpointAwsService>> = {
      // The migration reads the master user's password.
      SecretsManager: ec2.InterfaceVpcEndpointAwsService.SECRETS_MANAGER,
      ...(worker.engine === 'rekognition' && {
        Rekognition: ec2.InterfaceVpcEndpointAwsService.REKOGNITION,
      }),
    };
    const [subnet] = vpc.selectSubnets({ subnetGroupName: 'App' }).subnets;
    const securityGroup = new ec2.SecurityGroup(this, 'SecurityGroup', {
      vpc,
      description: 'Interface endpoints: HTTPS from the network',
      allowAllOutbound: false,
    });
    securityGroup.addIngressRule(ec2.Peer.ipv4(cidr), ec2.Port.tcp(443), 'HTTPS from the network');
    for (const [name, service] of Object.entries(called)) {
      new ec2.InterfaceVpcEndpoint(this, name, {
        vpc,
        service,
        subnets: { subnets: [subnet!] },
        securityGroups: [securityGroup],
        open: false,
      });
    }
  }
}
