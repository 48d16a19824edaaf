/**
 * A distribution over two regions, from hand-written templates: who answers whom, and who takes over when a region
 * is lost. Load balancers answer by themselves, so nothing else has to run.
 */

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { TemplateResource } from '../../local/assembly.ts';
import { cloudFrontFunction, vpcOrigin } from '../../local/resources/cloudfront-names.ts';
import { distribution } from '../../local/resources/distribution.ts';
import { healthCheck } from '../../local/resources/health-check.ts';
import { listener } from '../../local/resources/listener.ts';
import { listenerRule } from '../../local/resources/listener-rule.ts';
import { loadBalancer } from '../../local/resources/load-balancer.ts';
import { recordSet } from '../../local/resources/record-set.ts';
import { ask } from '../support/parts.ts';
import { type SmallRun, type SmallStack, smallRun } from '../support/small-run.ts';

const [home, away] = ['us-east-1', 'eu-west-1'] as const;
const domain = 'example.com';
const modules = [
  loadBalancer,
  listener,
  listenerRule,
  recordSet,
  healthCheck,
  distribution,
  cloudFrontFunction,
  vpcOrigin,
];

const record = (name: string, target: unknown, more: object = {}): TemplateResource => ({
  Type: 'AWS::Route53::RecordSet',
  Properties: {
    Name: `${name}.`,
    Type: 'A',
    HostedZoneId: 'Z1',
    AliasTarget: { DNSName: target, HostedZoneId: 'Z1', EvaluateTargetHealth: true },
    ...more,
  },
});

const fixedResponse = (status: number, body: string) => [
  {
    Type: 'fixed-response',
    FixedResponseConfig: { StatusCode: String(status), MessageBody: body, ContentType: 'text/plain' },
  },
];

/** A balancer that says its region to whoever has the secret, and to nobody else. */
const service = (region: string, scheme = 'internet-facing'): SmallStack => ({
  region,
  resources: {
    Balancer: { Type: 'AWS::ElasticLoadBalancingV2::LoadBalancer', Properties: { Scheme: scheme } },
    Https: {
      Type: 'AWS::ElasticLoadBalancingV2::Listener',
      Properties: {
        LoadBalancerArn: { Ref: 'Balancer' },
        Port: 443,
        Protocol: 'HTTPS',
        DefaultActions: fixedResponse(403, 'no'),
      },
    },
    Ready: {
      Type: 'AWS::ElasticLoadBalancingV2::ListenerRule',
      Properties: {
        ListenerArn: { Ref: 'Https' },
        Priority: 1,
        Conditions: [
          { Field: 'path-pattern', PathPatternConfig: { Values: ['/readyz'] } },
          { Field: 'host-header', HostHeaderConfig: { Values: [`${region}.origin.${domain}`] } },
        ],
        Actions: fixedResponse(200, 'ready'),
      },
    },
    Verified: {
      Type: 'AWS::ElasticLoadBalancingV2::ListenerRule',
      Properties: {
        ListenerArn: { Ref: 'Https' },
        Priority: 2,
        Conditions: [
          {
            Field: 'http-header',
            HttpHeaderConfig: { HttpHeaderName: 'x-origin-verify', Values: ['s3cret'] },
          },
        ],
        Actions: fixedResponse(200, region),
      },
    },
    Name: record(`${region}.origin.${domain}`, {
      'Fn::Join': ['', ['dualstack.', { 'Fn::GetAtt': ['Balancer', 'DNSName'] }]],
    }),
  },
});

const check = (region: string): TemplateResource => ({
  Type: 'AWS::Route53::HealthCheck',
  Properties: {
    HealthCheckConfig: {
      Type: 'HTTPS',
      FullyQualifiedDomainName: `${region}.origin.${domain}`,
      ResourcePath: '/readyz',
      RequestInterval: 10,
      FailureThreshold: 2,
    },
  },
});

const chain = (region: string, other: string): Record<string, TemplateResource> => {
  const id = region.replaceAll('-', '');
  const level = (failover: string, target: string) =>
    record(`${region}-1.geo.${domain}`, `${target}.origin.${domain}`, {
      SetIdentifier: failover,
      Failover: failover,
      HealthCheckId: { Ref: `Check${target.replaceAll('-', '')}` },
    });
  return { [`${id}Primary`]: level('PRIMARY', region), [`${id}Secondary`]: level('SECONDARY', other) };
};

const routing: SmallStack = {
  region: home,
  dependencies: [`${home}-service`, `${away}-service`],
  resources: {
    Checkuseast1: check(home),
    Checkeuwest1: check(away),
    ...chain(home, away),
    ...chain(away, home),
    Europe: record(`origin.${domain}`, `${away}-1.geo.${domain}`, {
      SetIdentifier: 'EU',
      GeoLocation: { ContinentCode: 'EU' },
    }),
    Default: record(`origin.${domain}`, `${home}-1.geo.${domain}`, {
      SetIdentifier: 'any',
      GeoLocation: { CountryCode: '*' },
    }),
  },
};

/** A distribution in front of one origin. */
const edge = (origin: object, dependencies: readonly string[]): SmallStack => ({
  region: home,
  dependencies,
  resources: {
    Hide: {
      Type: 'AWS::CloudFront::Function',
      Properties: {
        Name: 'hide',
        FunctionCode: `function handler(event) {
          return event.request.uri === '/readyz' ? { statusCode: 404 } : event.request;
        }`,
      },
    },
    Policy: {
      Type: 'AWS::CloudFront::OriginRequestPolicy',
      Properties: {
        OriginRequestPolicyConfig: {
          Name: 'policy',
          CookiesConfig: { CookieBehavior: 'none' },
          HeadersConfig: { HeaderBehavior: 'none' },
          QueryStringsConfig: { QueryStringBehavior: 'all' },
        },
      },
    },
    Kept: {
      Type: 'AWS::CloudFront::CachePolicy',
      Properties: {
        CachePolicyConfig: {
          Name: 'kept',
          MinTTL: 0,
          // An hour of the run's clock.
          DefaultTTL: 360_000,
          MaxTTL: 3_600_000,
          ParametersInCacheKeyAndForwardedToOrigin: {
            CookiesConfig: { CookieBehavior: 'none' },
            HeadersConfig: { HeaderBehavior: 'none' },
            QueryStringsConfig: { QueryStringBehavior: 'whitelist', QueryStrings: ['v'] },
            EnableAcceptEncodingGzip: true,
          },
        },
      },
    },
    Headers: {
      Type: 'AWS::CloudFront::ResponseHeadersPolicy',
      Properties: {
        ResponseHeadersPolicyConfig: {
          Name: 'headers',
          SecurityHeadersConfig: {
            ContentTypeOptions: { Override: true },
            StrictTransportSecurity: { AccessControlMaxAgeSec: 60, IncludeSubdomains: true, Override: true },
          },
          CustomHeadersConfig: { Items: [{ Header: 'X-Custom', Value: '1', Override: false }] },
        },
      },
    },
    Cdn: {
      Type: 'AWS::CloudFront::Distribution',
      Properties: {
        DistributionConfig: {
          Enabled: true,
          Aliases: [`www.${domain}`],
          CustomErrorResponses: [{ ErrorCode: 403, ErrorCachingMinTTL: 0 }],
          CacheBehaviors: [
            {
              PathPattern: 'kept/*',
              TargetOriginId: 'service',
              CachePolicyId: { Ref: 'Kept' },
            },
          ],
          Origins: [
            {
              Id: 'service',
              ConnectionAttempts: 2,
              ConnectionTimeout: 3,
              OriginCustomHeaders: [{ HeaderName: 'X-Origin-Verify', HeaderValue: 's3cret' }],
              ...origin,
            },
          ],
          DefaultCacheBehavior: {
            TargetOriginId: 'service',
            AllowedMethods: ['GET', 'HEAD'],
            CachePolicyId: '4135ea2d-6df8-44a3-9df3-4b5a84be39ad',
            OriginRequestPolicyId: { Ref: 'Policy' },
            ResponseHeadersPolicyId: { Ref: 'Headers' },
            FunctionAssociations: [
              { EventType: 'viewer-request', FunctionARN: { 'Fn::GetAtt': ['Hide', 'FunctionARN'] } },
            ],
          },
        },
      },
    },
  },
});

/** The region that answers a viewer in a country, or the status when none does. */
const regionFor = async (run: SmallRun, country: string) => {
  const { port } = run.book.dial('edge/https');
  const { status, body } = await ask(port, '/', { headers: { cookie: `__local_viewer=${country}` } });
  return status === 200 ? body : status;
};

/** Waits until the edge has forgotten the region's address: at most a minute of the run's clock, 600 ms here. */
async function movesTo(run: SmallRun, country: string, region: string): Promise<void> {
  const end = Date.now() + 10_000;
  while ((await regionFor(run, country)) !== region && Date.now() < end) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  expect(await regionFor(run, country)).toBe(region);
}

describe('two regions', () => {
  let small: SmallRun;
  beforeAll(async () => {
    small = await smallRun(
      {
        [`${home}-service`]: service(home),
        [`${away}-service`]: service(away),
        routing,
        edge: edge({ DomainName: `origin.${domain}`, CustomOriginConfig: { OriginReadTimeout: 30 } }, [
          'routing',
        ]),
      },
      // Ten seconds between health checks are a tenth here.
      { modules, timeScale: 100 },
    );
    await small.run.start();
  });
  afterAll(() => small?.close());

  /** Route 53 knows it by the region's health check and by its load balancer. */
  const known = (region: string, state: 'healthy' | 'unhealthy', afterId: number) =>
    Promise.all([
      small.event(
        ({ resource, event }) => resource === `Check${region.replaceAll('-', '')}` && event === state,
        afterId,
      ),
      small.event(
        ({ resource, event }) => resource === `${region}-service/Name` && event === `target ${state}`,
        afterId,
      ),
    ]);

  test('a viewer is answered by the region of their continent', async () => {
    expect([
      await regionFor(small, 'DE'),
      await regionFor(small, 'US'),
      await regionFor(small, 'JP'),
    ]).toEqual([away, home, home]);
  });

  test('policies and function of the template decide what passes', async () => {
    const { port } = small.book.dial('edge/https');
    expect((await ask(port, '/readyz')).status).toBe(404);
    expect((await ask(port, '/', { method: 'POST' })).status).toBe(403);
    expect((await ask(port, '/')).headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'strict-transport-security': 'max-age=60; includeSubDomains',
      'x-custom': '1',
    });
  });

  test('a cache policy of the template decides what is kept, and aliases what the edge answers to', async () => {
    const { port } = small.book.dial('edge/https');
    const host = `www.${domain}`;
    const seen = [];
    for (const path of ['/kept/a', '/kept/a?other', '/kept/a?v=1', '/kept/a?v=1', '/free', '/free']) {
      const { headers } = await ask(port, path, { headers: { host } });
      seen.push(String(headers['x-cache']).split(' ')[0]);
    }
    expect(seen).toEqual(['Miss', 'Hit', 'Miss', 'Hit', 'Miss', 'Miss']);
    expect((await ask(port, '/kept/a', { headers: { host: `other.${domain}` } })).status).toBe(403);
  });

  test('only who has the secret is answered, and only the region’s own name is asked for readiness', async () => {
    const { port } = small.book.dial(small.attribute(`${away}-service`, 'Balancer', 'DNSName'));
    expect((await ask(port, '/')).status).toBe(403);
    expect((await ask(port, '/readyz')).status).toBe(403);
    const host = `${away}.origin.${domain}`;
    expect((await ask(port, '/readyz', { headers: { host } })).status).toBe(200);
  });

  test('a lost region’s viewers move to the other one, and come back with it', async () => {
    const before = small.run.events.last;
    await small.run.stopRegion(away);
    await known(away, 'unhealthy', before);
    await movesTo(small, 'DE', home);
    const lost = small.run.events.last;
    await small.run.startRegion(away);
    await known(away, 'healthy', lost);
    await movesTo(small, 'DE', away);
  });

  test('the region that declares Route 53 and CloudFront can be lost too', async () => {
    const before = small.run.events.last;
    await small.run.stopRegion(home);
    await known(home, 'unhealthy', before);
    await movesTo(small, 'US', away);
    expect(await regionFor(small, 'DE')).toBe(away);
    const lost = small.run.events.last;
    await small.run.startRegion(home);
    await known(home, 'healthy', lost);
    await movesTo(small, 'US', home);
  });
});

test('without a domain the distribution reaches the internal load balancer of its one region', async () => {
  const { region, resources } = service(home, 'internal');
  const { Name: _, Ready: __, ...balancer } = resources;
  const { resources: cdn } = edge(
    {
      DomainName: { 'Fn::GetAtt': ['Balancer', 'DNSName'] },
      VpcOriginConfig: { VpcOriginId: { 'Fn::GetAtt': ['Origin', 'Id'] } },
    },
    [],
  );
  const origin: TemplateResource = {
    Type: 'AWS::CloudFront::VpcOrigin',
    Properties: { VpcOriginEndpointConfig: { Arn: { Ref: 'Balancer' }, Name: 'origin' } },
  };
  const small = await smallRun(
    { one: { region, resources: { ...balancer, Origin: origin, ...cdn } } },
    { modules },
  );
  try {
    await small.run.start();
    expect(await regionFor(small, 'DE')).toBe(home);
    const { port } = small.book.dial('edge/https');
    expect((await ask(port, '/__local/viewer')).body).toContain(`<td>${home}</td>`);
  } finally {
    await small.close();
  }
});
