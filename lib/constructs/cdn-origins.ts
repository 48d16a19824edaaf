/** Where CloudFront gets things: the buckets of all regions, and the origin that Route 53 answers for. */

import { Duration, SecretValue } from 'aws-cdk-lib';
import * as cloudfront from 'aws-cdk-lib/aws-cloudfront';
import * as origins from 'aws-cdk-lib/aws-cloudfront-origins';
import type * as elbv2 from 'aws-cdk-lib/aws-elasticloadbalancingv2';
import * as s3 from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import { headers } from '../../contract/http.ts';
import type { Placement } from '../placement.ts';
import { revisions } from './origin-secret.ts';

/** Answers by which CloudFront turns to the second bucket. */
const fallbackStatusCodes = [403, 404, 500, 502, 503, 504];

/** Connections are tried twice, for three seconds: a dead region must not cost half a minute. */
const connection = { connectionAttempts: 2, connectionTimeout: Duration.seconds(3) };

/** Event streams send a line at least every 15 s; between requests a connection waits half a minute. */
const patience = { readTimeout: Duration.seconds(30), keepaliveTimeout: Duration.seconds(30) };

export class BucketOrigins extends Construct {
  readonly #accessControl: cloudfront.S3OriginAccessControl;

  constructor(scope: Construct, id: string) {
    super(scope, id);
    this.#accessControl = new cloudfront.S3OriginAccessControl(this, 'AccessControl', {
      description: 'Signs requests to the buckets',
    });
  }

  /**
   * A bucket, and where given a second one that answers what the first does not.
   * @param nameOf name of the bucket of a region
   * @param regions nearest first; others than the first two are not asked
   */
  of(nameOf: (region: string) => string, regions: readonly string[]): cloudfront.IOrigin {
    const [primaryOrigin, fallbackOrigin] = regions.map((region) => this.#bucket(nameOf(region), region));
    return fallbackOrigin
      ? new origins.OriginGroup({ primaryOrigin: primaryOrigin!, fallbackOrigin, fallbackStatusCodes })
      : primaryOrigin!;
  }

  #bucket(bucketName: string, region: string): cloudfront.IOrigin {
    const known = this.node.tryFindChild(bucketName) as s3.IBucket | undefined;
    const bucket = known ?? s3.Bucket.fromBucketAttributes(this, bucketName, { bucketName, region });
    return origins.S3BucketOrigin.withOriginAccessControl(bucket, {
      ...connection,
      originAccessControl: this.#accessControl,
    });
  }
}

/** The origin by its name: Route 53 answers with the viewer's region while it is healthy. */
export function namedOrigin(placement: Placement): cloudfront.IOrigin {
  const { names } = placement;
  const [revision] = revisions(placement, 1);
  return new origins.HttpOrigin(names.dns!.origin, {
    ...connection,
    ...patience,
    protocolPolicy: cloudfront.OriginProtocolPolicy.HTTPS_ONLY,
    originSslProtocols: [cloudfront.OriginSslPolicy.TLS_V1_2],
    customHeaders: {
      [headers.originVerify]: SecretValue.secretsManager(names.originSecret(revision!)).unsafeUnwrap(),
    },
  });
}

/** The one region's load balancer, reached inside the network. */
export function internalOrigin(loadBalancer: elbv2.IApplicationLoadBalancer): cloudfront.IOrigin {
  return origins.VpcOrigin.withApplicationLoadBalancer(loadBalancer, {
    ...connection,
    ...patience,
    // Said, since the default follows the viewer's protocol and the load balancer has no certificate.
    protocolPolicy: cloudfront.OriginProtocolPolicy.HTTP_ONLY,
    httpPort: 80,
  });
}
