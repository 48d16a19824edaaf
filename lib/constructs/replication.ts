/**
 * Copies this region's uploads to every other region. CloudFormation has no resource for a bucket's replication apart
 * from the bucket, and a bucket cannot name others before they exist; so the rules come last, by the API.
 */

import * as iam from 'aws-cdk-lib/aws-iam';
import { AwsCustomResource, AwsCustomResourcePolicy, PhysicalResourceId } from 'aws-cdk-lib/custom-resources';
import { Construct } from 'constructs';
import { mediaKey } from '../../contract/media.ts';
import { otherRegions, type Placement } from '../placement.ts';
import { acknowledge } from './acknowledge.ts';
import { bucketArn } from './bucket-access.ts';
import { acknowledgeSdkCalls } from './sdk-calls.ts';

export class Replication extends Construct {
  constructor(scope: Construct, id: string, placement: Placement) {
    super(scope, id);
    const { names, region } = placement;
    const bucket = names.mediaBucket(region);
    const role = this.#role(placement);
    const call = {
      service: 'S3',
      action: 'putBucketReplication',
      parameters: {
        Bucket: bucket,
        ReplicationConfiguration: {
          Role: role.roleArn,
          Rules: otherRegions(placement).map((other, i) => ({
            ID: other,
            Priority: i + 1,
            Status: 'Enabled',
            // Only what was uploaded here: a copy that came from elsewhere is not copied on.
            Filter: { Prefix: mediaKey(region, '') },
            DeleteMarkerReplication: { Status: 'Enabled' },
            Destination: { Bucket: bucketArn(names.mediaBucket(other)) },
          })),
        },
      },
      physicalResourceId: PhysicalResourceId.of(bucket),
    };
    const rules = new AwsCustomResource(this, 'Rules', {
      resourceType: 'Custom::BucketReplication',
      onUpdate: call,
      onDelete: {
        service: 'S3',
        action: 'deleteBucketReplication',
        parameters: { Bucket: bucket },
        ignoreErrorCodesMatching: 'NoSuchBucket',
      },
      // The actions are not named after the calls: one stands for putting and deleting.
      policy: AwsCustomResourcePolicy.fromStatements([
        new iam.PolicyStatement({
          actions: ['s3:PutReplicationConfiguration'],
          resources: [bucketArn(bucket)],
        }),
        new iam.PolicyStatement({ actions: ['iam:PassRole'], resources: [role.roleArn] }),
      ]),
      installLatestAwsSdk: false,
    });
    // S3 checks the role's permissions when it takes the rules.
    rules.node.addDependency(role);
    acknowledgeSdkCalls(this, {});
  }

  #role(placement: Placement): iam.Role {
    const { names, region } = placement;
    const source = bucketArn(names.mediaBucket(region));
    const objects = (name: string) => `${bucketArn(name)}/${mediaKey(region, '*')}`;
    const sources = [objects(names.mediaBucket(region))];
    const destinations = otherRegions(placement).map((other) => objects(names.mediaBucket(other)));
    const role = new iam.Role(this, 'Role', {
      assumedBy: new iam.ServicePrincipal('s3.amazonaws.com'),
      description: 'Copies uploads to the other regions',
      inlinePolicies: {
        replicate: new iam.PolicyDocument({
          statements: [
            new iam.PolicyStatement({
              actions: ['s3:GetReplicationConfiguration', 's3:ListBucket'],
              resources: [source],
            }),
            new iam.PolicyStatement({
              actions: [
                's3:GetObjectVersionForReplication',
                's3:GetObjectVersionAcl',
                's3:GetObjectVersionTagging',
              ],
              resources: sources,
            }),
            new iam.PolicyStatement({
              actions: ['s3:ReplicateObject', 's3:ReplicateDelete', 's3:ReplicateTags'],
              resources: destinations,
            }),
          ],
        }),
      },
    });
    acknowledge(
      role,
      Object.fromEntries(
        [...sources, ...destinations].map((resource) => [
          `IAM5[Resource::${resource}]`,
          'All uploads of this region are copied, whatever their keys.',
        ]),
      ),
    );
    return role;
  }
}
