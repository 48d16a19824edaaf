/**
 * Types that only have a name on this machine: what Ref and Fn::GetAtt give for them, in the form of AWS's own
 * (User Guide of CloudFormation, "Return values" of each type). An attribute that stands here for none of them is
 * an error where something that runs asks for it.
 */

import { arnOf, physicalName, stableId } from './arn.ts';
import type { Declared, Identity } from './resource.ts';

interface Names {
  /** The value of a name property, else a name made of stack and logical id, as CloudFormation does. */
  name(property?: string): string;
  /** Hexadecimal digits that stay the same for the same resource. */
  hex(length: number): string;
  arn(service: string, resource: string, region?: string): string;
}

type Entry = (names: Names, declared: Declared) => Identity;

/** Only a Ref: an id with AWS's prefix. */
const id =
  (prefix: string): Entry =>
  ({ hex }) => ({ ref: `${prefix}${hex(17)}`, attributes: {} });

/** Only a Ref: the name that a property gives. */
const named =
  (property?: string): Entry =>
  ({ name }) => ({ ref: name(property), attributes: {} });

const globalId =
  (...attributes: readonly string[]): Entry =>
  ({ hex }) => ({ ref: hex(14), attributes: Object.fromEntries(attributes.map((key) => [key, hex(14)])) });

const withId =
  (prefix: string, attribute: string): Entry =>
  ({ hex }) => ({ ref: `${prefix}${hex(17)}`, attributes: { [attribute]: `${prefix}${hex(17)}` } });

const entries: Readonly<Record<string, Entry>> = {
  'AWS::EC2::VPC': ({ hex }, declared) => ({
    ref: `vpc-${hex(17)}`,
    attributes: {
      VpcId: `vpc-${hex(17)}`,
      get CidrBlock() {
        return declared.require<string>('CidrBlock');
      },
    },
  }),
  'AWS::EC2::Subnet': withId('subnet-', 'SubnetId'),
  'AWS::EC2::SecurityGroup': withId('sg-', 'GroupId'),
  'AWS::EC2::SecurityGroupIngress': id('sgr-'),
  'AWS::EC2::SecurityGroupEgress': id('sgr-'),
  'AWS::EC2::RouteTable': withId('rtb-', 'RouteTableId'),
  'AWS::EC2::VPCEndpoint': id('vpce-'),
  'AWS::EC2::VPCCidrBlock': id('vpc-cidr-assoc-'),
  'AWS::EC2::InternetGateway': withId('igw-', 'InternetGatewayId'),
  'AWS::EC2::EgressOnlyInternetGateway': id('eigw-'),
  'AWS::EC2::NatGateway': withId('nat-', 'NatGatewayId'),
  'AWS::EC2::FlowLog': withId('fl-', 'Id'),

  'AWS::IAM::Role': ({ name, arn, hex }) => ({
    ref: name('RoleName'),
    attributes: { Arn: arn('iam', `role/${name('RoleName')}`, ''), RoleId: `AROA${hex(16).toUpperCase()}` },
  }),
  'AWS::IAM::ManagedPolicy': ({ name, arn }) => ({
    ref: arn('iam', `policy/${name('ManagedPolicyName')}`, ''),
    attributes: {},
  }),
  'AWS::IAM::Policy': named('PolicyName'),
  'AWS::Lambda::Permission': named(),

  'AWS::KMS::Key': ({ hex, arn }) => {
    const key = hex(32).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
    return { ref: key, attributes: { KeyId: key, Arn: arn('kms', `key/${key}`) } };
  },
  'AWS::KMS::Alias': named('AliasName'),
  'AWS::Logs::LogGroup': ({ name, arn }) => ({
    ref: name('LogGroupName'),
    attributes: { Arn: `${arn('logs', `log-group:${name('LogGroupName')}`)}:*` },
  }),
  'AWS::CertificateManager::Certificate': ({ hex, arn }) => ({
    ref: arn('acm', `certificate/${hex(32)}`),
    attributes: {},
  }),
  'AWS::WAFv2::WebACL': ({ name, hex, arn }) => ({
    ref: `${name('Name')}|${hex(32)}|CLOUDFRONT`,
    attributes: { Id: hex(32), Arn: arn('wafv2', `global/webacl/${name('Name')}/${hex(32)}`) },
  }),
  'AWS::WAFv2::IPSet': ({ name, hex, arn }) => ({
    ref: `${name('Name')}|${hex(32)}|CLOUDFRONT`,
    attributes: { Id: hex(32), Arn: arn('wafv2', `global/ipset/${name('Name')}/${hex(32)}`) },
  }),

  'AWS::RDS::DBSubnetGroup': named('DBSubnetGroupName'),
  'AWS::RDS::DBClusterParameterGroup': named('DBClusterParameterGroupName'),
  'AWS::RDS::DBParameterGroup': named('DBParameterGroupName'),
  'AWS::ElastiCache::SubnetGroup': named('CacheSubnetGroupName'),
  'AWS::ElastiCache::ParameterGroup': named('CacheParameterGroupName'),
  'AWS::ElastiCache::User': ({ name, arn }) => ({
    ref: name('UserId'),
    attributes: { Arn: arn('elasticache', `user:${name('UserId')}`), Status: 'active' },
  }),
  'AWS::ElastiCache::UserGroup': ({ name, arn }) => ({
    ref: name('UserGroupId'),
    attributes: { Arn: arn('elasticache', `usergroup:${name('UserGroupId')}`), Status: 'active' },
  }),

  'AWS::ECS::Cluster': ({ name, arn }) => ({
    ref: name('ClusterName'),
    attributes: { Arn: arn('ecs', `cluster/${name('ClusterName')}`) },
  }),
  'AWS::CloudFront::CachePolicy': globalId('Id'),
  'AWS::CloudFront::OriginRequestPolicy': globalId('Id'),
  'AWS::CloudFront::ResponseHeadersPolicy': globalId('Id'),
  'AWS::CloudFront::OriginAccessControl': globalId('Id'),
  'AWS::CloudWatch::Alarm': ({ name, arn }) => ({
    ref: name('AlarmName'),
    attributes: { Arn: arn('cloudwatch', `alarm:${name('AlarmName')}`) },
  }),
  'AWS::CloudWatch::Dashboard': named('DashboardName'),
  'AWS::Backup::BackupVault': ({ name, arn }) => ({
    ref: name('BackupVaultName'),
    attributes: {
      BackupVaultName: name('BackupVaultName'),
      BackupVaultArn: arn('backup', `backup-vault:${name('BackupVaultName')}`),
    },
  }),
  'AWS::Backup::BackupPlan': ({ hex, arn }) => ({
    ref: hex(32),
    attributes: { BackupPlanId: hex(32), BackupPlanArn: arn('backup', `backup-plan:${hex(32)}`) },
  }),
  'Custom::ManagedPrefixList': ({ hex }) => ({
    ref: `prefix-list-${hex(8)}`,
    attributes: { 'PrefixLists.0.PrefixListId': `pl-${hex(8)}` },
  }),
};

/** What Ref and Fn::GetAtt give for a type that only has a name here, or undefined for a type not listed. */
export function identityOf(declared: Declared, account: string): Identity | undefined {
  const entry = Object.hasOwn(entries, declared.type) ? entries[declared.type] : undefined;
  if (!entry) return undefined;
  const { stack, region, logicalId } = declared;
  const names: Names = {
    hex: (length) => stableId(`${account}/${region}/${stack}/${logicalId}`, length),
    name: (property = 'Name of no property') => physicalName(declared, property),
    arn: (service, resource, place = region) => arnOf(service, place, account, resource),
  };
  return entry(names, declared);
}
