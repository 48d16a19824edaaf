/** CloudFront: one distribution in front of all regions. */

import { Duration, Validations } from 'aws-cdk-lib';
import type * as acm from 'aws-cdk-lib/aws-certificatemanager';
import * as cloudfront from 'aws-cdk-lib/aws-cloudfront';
import { Construct } from 'constructs';
import { byDistance, failoverChain } from '../../config/geography.ts';
import { regionFacts } from '../../config/regions.ts';
import { paths } from '../../contract/http.ts';
import { type Placement, regionsOf } from '../placement.ts';
import type { Workload } from '../workload.ts';
import { acknowledge } from './acknowledge.ts';
import { BucketOrigins } from './cdn-origins.ts';
import { viewerFunction } from './viewer-function.ts';

const { AllowedMethods, ViewerProtocolPolicy } = cloudfront;

export interface CdnProps {
  readonly placement: Placement;
  readonly web: Workload['web'];
  /** Gets everything that is not a file. */
  readonly origin: cloudfront.IOrigin;
  readonly firewallArn: string;
  /** For www and the apex. @default CloudFront's own name and certificate */
  readonly certificate?: acm.ICertificate;
}

export class Cdn extends Construct {
  readonly distribution: cloudfront.Distribution;

  constructor(scope: Construct, id: string, props: CdnProps) {
    super(scope, id);
    const { placement, web, origin, firewallArn, certificate } = props;
    const { environment, names } = placement;
    const { dns } = names;

    const viewer = {
      viewerProtocolPolicy: ViewerProtocolPolicy.REDIRECT_TO_HTTPS,
      responseHeadersPolicy: this.#securityHeaders(placement),
      compress: true,
    };
    const filePolicy = this.#cachePolicy('Files', {
      comment: 'Hashed files and pictures, which never change under their name',
      defaultTtl: Duration.days(1),
      maxTtl: Duration.days(365),
      queryStringBehavior: cloudfront.CacheQueryStringBehavior.none(),
    });
    const files = { ...viewer, allowedMethods: AllowedMethods.ALLOW_GET_HEAD, cachePolicy: filePolicy };
    const service = {
      ...viewer,
      origin,
      cachePolicy: this.#cachePolicy('Answers', {
        comment: 'As long as the service says; not at all where it says nothing',
        defaultTtl: Duration.seconds(0),
        maxTtl: Duration.days(1),
        queryStringBehavior: cloudfront.CacheQueryStringBehavior.all(),
      }),
      functionAssociations: [
        {
          eventType: cloudfront.FunctionEventType.VIEWER_REQUEST,
          function: viewerFunction(this, 'Viewer', web),
        },
      ],
    };
    const buckets = new BucketOrigins(this, 'Buckets');
    const assets = buckets.of(names.assetsBucket, failoverChain(environment, environment.primary));

    this.distribution = new cloudfront.Distribution(this, 'Resource', {
      comment: names.prefix,
      ...(dns &&
        certificate && {
          domainNames: [dns.www, dns.apex],
          certificate,
          minimumProtocolVersion: cloudfront.SecurityPolicyProtocol.TLS_V1_2_2025,
        }),
      httpVersion: cloudfront.HttpVersion.HTTP2_AND_3,
      priceClass: priceClasses[environment.priceClass ?? 'PriceClass_100'],
      webAclId: firewallArn,
      errorResponses: uncachedErrors.map((httpStatus) => ({ httpStatus, ttl: Duration.seconds(0) })),
      // Pages are the same for everybody: without the viewer's cookies and headers one request fills the cache for all
      // who ask at once, and nothing personal can get into a copy that others see.
      defaultBehavior: { ...service, allowedMethods: AllowedMethods.ALLOW_GET_HEAD },
      additionalBehaviors: {
        [`${paths.api}*`]: {
          ...service,
          allowedMethods: AllowedMethods.ALLOW_ALL,
          // Host stays behind: the origin's certificate has its own name.
          originRequestPolicy: cloudfront.OriginRequestPolicy.ALL_VIEWER_EXCEPT_HOST_HEADER,
        },
        [`${paths.assets}*`]: { ...files, origin: assets },
        // The container's copy of the same files, for the loss of the buckets.
        [`${paths.fallbackAssets}*`]: {
          ...service,
          allowedMethods: AllowedMethods.ALLOW_GET_HEAD,
          cachePolicy: filePolicy,
        },
        ...Object.fromEntries(
          this.#media(placement).map(({ region, regions }) => [
            `${paths.media}${region}/*`,
            { ...files, origin: buckets.of(names.mediaBucket, regions) },
          ]),
        ),
      },
    });
    Validations.of(this).acknowledge({
      id: 'Annotation::@aws-cdk/aws-cloudfront-origins:updateImportedBucketPolicyOac',
      reason:
        'The buckets let CloudFront in where they are made, by account: they come before the distribution.',
    });
    acknowledge(this, {
      CFR1: 'The system is for viewers of every country.',
      CFR3: 'Standard logging v2 is configured beside the distribution; the rule knows only the older kind, which needs ACLs.',
      ...(!dns && {
        CFR4: 'Without a domain the distribution has CloudFront’s own certificate, whose minimum is not ours to choose.',
      }),
      ...(!dns && { CFR5: 'The origin is reached inside the network, by HTTP.' }),
    });
  }

  /** Every region whose pictures have an address, with the regions that hold them, nearest first. */
  #media({ environment }: Placement): { region: string; regions: readonly string[] }[] {
    const regions = regionsOf({ environment });
    return [
      ...regions.map((region) => ({ region, regions: failoverChain(environment, region) })),
      ...(environment.retiredRegions ?? []).map((region) => ({
        region,
        regions: byDistance(regionFacts(region), regions),
      })),
    ];
  }

  /**
   * A policy of our own. Managed ones that obey the origin put Host and cookies in the key, and so forward a Host that
   * the origin's certificate does not match; a minimum above 0 would override `no-store`.
   */
  #cachePolicy(id: string, props: cloudfront.CachePolicyProps): cloudfront.CachePolicy {
    return new cloudfront.CachePolicy(this, id, {
      ...props,
      minTtl: Duration.seconds(0),
      headerBehavior: cloudfront.CacheHeaderBehavior.none(),
      cookieBehavior: cloudfront.CacheCookieBehavior.none(),
      enableAcceptEncodingBrotli: true,
      enableAcceptEncodingGzip: true,
    });
  }

  /** What every answer says, whoever made it. */
  #securityHeaders(placement: Placement): cloudfront.ResponseHeadersPolicy {
    return new cloudfront.ResponseHeadersPolicy(this, 'SecurityHeaders', {
      comment: 'HTTPS only, own scripts only, no sniffing, no frames',
      securityHeadersBehavior: {
        contentSecurityPolicy: {
          contentSecurityPolicy: contentSecurityPolicy(placement),
          override: true,
        },
        strictTransportSecurity: {
          accessControlMaxAge: Duration.days(365),
          includeSubdomains: false,
          override: true,
        },
        contentTypeOptions: { override: true },
        frameOptions: { frameOption: cloudfront.HeadersFrameOption.DENY, override: true },
        referrerPolicy: {
          referrerPolicy: cloudfront.HeadersReferrerPolicy.STRICT_ORIGIN_WHEN_CROSS_ORIGIN,
          override: true,
        },
      },
    });
  }
}

/** Nothing but the site's own files; uploads go straight to the bucket of whichever region serves the page. */
function contentSecurityPolicy({ environment, names }: Placement): string {
  const buckets = regionsOf({ environment }).map(
    (region) => `https://${names.mediaBucket(region)}.s3.${region}.amazonaws.com`,
  );
  const directives: Readonly<Record<string, readonly string[]>> = {
    'default-src': ["'none'"],
    'script-src': ["'self'"],
    'style-src': ["'self'"],
    'img-src': ["'self'", 'blob:', 'data:'],
    'connect-src': ["'self'", ...buckets],
    'base-uri': ["'none'"],
    'form-action': ["'self'"],
    'frame-ancestors': ["'none'"],
  };
  return Object.entries(directives)
    .map(([name, sources]) => [name, ...sources].join(' '))
    .join('; ');
}

/**
 * Errors that CloudFront would keep for ten seconds and give to every viewer: of a service's 5xx whatever Cache-Control
 * says, of a bucket's 403 and 404 since it says nothing ("Control how long CloudFront caches errors", CloudFront
 * developer guide). One task's 503 must not outlive that task, nor be another person's answer.
 */
const uncachedErrors = [403, 404, 500, 502, 503, 504];

const priceClasses = {
  PriceClass_100: cloudfront.PriceClass.PRICE_CLASS_100,
  PriceClass_200: cloudfront.PriceClass.PRICE_CLASS_200,
  PriceClass_All: cloudfront.PriceClass.PRICE_CLASS_ALL,
} as const;
