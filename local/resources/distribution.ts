/** AWS::CloudFront::Distribution: the part `edge` in the edge's host. */

import { stableId } from '../arn.ts';
import type {
  BehaviorConfig,
  CacheConfig,
  EdgeConfig,
  OriginConfig,
  OriginGroupConfig,
  ResponseHeader,
} from '../edge/config.ts';
import {
  type CachePolicyTerms,
  type Forwarding,
  forwardingOf,
  managedCachePolicy,
  managedPolicy,
  noCaching,
  noForwarding,
  type PolicyParameters,
  union,
} from '../edge/policies.ts';
import type { PartHandle } from '../host-client.ts';
import type { Activity, Declared, ResourceModule, Site, Unit } from '../resource.ts';
import { nameServerPort, recordSet } from './record-set.ts';
import { responseHeaders } from './response-headers.ts';

/** Address-book names of the port that a person opens and of the one that redirects to it. */
export const edgeListings = { https: 'edge/https', http: 'edge/http' } as const;

interface BehaviorProperty {
  readonly PathPattern?: string;
  readonly TargetOriginId: string;
  readonly AllowedMethods?: readonly string[];
  readonly CachePolicyId?: string;
  readonly Compress?: boolean | string;
  readonly OriginRequestPolicyId?: string;
  readonly ResponseHeadersPolicyId?: string;
  readonly FunctionAssociations?: readonly { readonly EventType: string; readonly FunctionARN: string }[];
}

interface CachePolicyProperty {
  readonly MinTTL: number;
  readonly DefaultTTL: number;
  readonly MaxTTL: number;
  readonly ParametersInCacheKeyAndForwardedToOrigin: PolicyParameters & {
    readonly EnableAcceptEncodingBrotli?: boolean | string;
    readonly EnableAcceptEncodingGzip?: boolean | string;
  };
}

interface ErrorResponseProperty {
  readonly ErrorCode: number;
  readonly ErrorCachingMinTTL?: number;
}

/** Seconds that an error is kept where the distribution says nothing ("Control how long CloudFront caches errors"). */
const errorTtlSeconds = 10;

interface OriginProperty {
  readonly Id: string;
  readonly DomainName: string;
  readonly OriginPath?: string;
  readonly OriginCustomHeaders?: readonly { readonly HeaderName: string; readonly HeaderValue: string }[];
  readonly ConnectionAttempts?: number;
  readonly ConnectionTimeout?: number;
  readonly CustomOriginConfig?: { readonly OriginReadTimeout?: number };
  readonly VpcOriginConfig?: { readonly OriginReadTimeout?: number };
}

interface OriginGroupProperty {
  readonly Id: string;
  readonly FailoverCriteria: { readonly StatusCodes: { readonly Items: readonly number[] } };
  readonly Members: { readonly Items: readonly { readonly OriginId: string }[] };
}

class Distribution implements Activity {
  readonly #declared: Declared;
  readonly #site: Site;
  #handle: PartHandle<EdgeConfig> | undefined;

  constructor(declared: Declared, site: Site) {
    this.#declared = declared;
    this.#site = site;
  }

  async start(): Promise<void> {
    const { logicalId } = this.#declared;
    this.#handle = await this.#site.host('edge').run<EdgeConfig>('edge', logicalId, this.#config());
  }

  async update(): Promise<void> {
    await this.#handle?.update(this.#config());
  }

  async stop(): Promise<void> {
    const handle = this.#handle;
    this.#handle = undefined;
    await handle?.close();
  }

  units(): readonly Unit[] {
    return Object.entries(edgeListings).map(([id, name]) => ({
      id,
      state: this.#handle ? 'running' : 'stopped',
      address: `127.0.0.1:${this.#site.book.list(name).port}`,
    }));
  }

  #config(): EdgeConfig {
    const { book } = this.#site;
    const read = <T>(property: string) => this.#declared.resolve<T>(`DistributionConfig.${property}`);
    const ordered = read<BehaviorProperty[]>('CacheBehaviors') ?? [];
    const fallback = this.#declared.require<BehaviorProperty>('DistributionConfig.DefaultCacheBehavior');
    const origins = read<OriginProperty[]>('Origins') ?? [];
    const groups = read<OriginGroupProperty[]>('OriginGroups.Items') ?? [];
    const { ref: id, attributes } = distribution.identify(this.#declared, this.#site);
    const { clock } = this.#site;
    const errors = read<ErrorResponseProperty[]>('CustomErrorResponses') ?? [];
    const hasRecords = this.#site.all(recordSet.type).length > 0;
    return {
      distribution: { id, domain: attributes['DomainName']! },
      names: read<string[]>('Aliases') ?? [],
      ...(hasRecords && { nameServer: { port: nameServerPort(this.#site), secondMs: clock.ms(1) } }),
      errorTtlMs: Object.fromEntries(
        errors.map(({ ErrorCode, ErrorCachingMinTTL = errorTtlSeconds }) => [
          ErrorCode,
          clock.ms(Number(ErrorCachingMinTTL)),
        ]),
      ),
      otherErrorTtlMs: clock.ms(errorTtlSeconds),
      httpsPort: book.list(edgeListings.https).port,
      httpPort: book.list(edgeListings.http).port,
      behaviors: [...ordered, { ...fallback, PathPattern: '*' }].map((one) => this.#behavior(one)),
      origins: Object.fromEntries(origins.map((origin) => [origin.Id, originConfig(origin)])),
      groups: Object.fromEntries(groups.map((group) => [group.Id, groupConfig(group)])),
    };
  }

  #behavior(behavior: BehaviorProperty): BehaviorConfig {
    const cache = this.#cachePolicy(behavior.CachePolicyId);
    const [viewer] = behavior.FunctionAssociations?.filter((one) => one.EventType === 'viewer-request') ?? [];
    return {
      pattern: behavior.PathPattern ?? '*',
      target: behavior.TargetOriginId,
      methods: behavior.AllowedMethods ?? ['GET', 'HEAD'],
      forwarding: union(cache.key, this.#originRequestPolicy(behavior.OriginRequestPolicyId)),
      cache,
      compress: String(behavior.Compress ?? false) === 'true',
      ...(viewer && {
        viewerFunction: this.#site.declared(viewer.FunctionARN).require<string>('FunctionCode'),
      }),
      responseHeaders: this.#responseHeaders(behavior.ResponseHeadersPolicyId),
    };
  }

  /** A policy by its id: one of CloudFront's own, or the template's. */
  #cachePolicy(id: string | undefined): CacheConfig {
    const { clock } = this.#site;
    const { seconds, key, encodings } =
      id === undefined ? noCaching : (managedCachePolicy(id) ?? this.#ownCachePolicy(id));
    const [minMs, defaultMs, maxMs] = seconds.map((one) => clock.ms(one)) as [number, number, number];
    return { minMs, defaultMs, maxMs, key, encodings };
  }

  #ownCachePolicy(id: string): CachePolicyTerms {
    const policy = this.#site.declared(id).require<CachePolicyProperty>('CachePolicyConfig');
    const { ParametersInCacheKeyAndForwardedToOrigin: parameters, MinTTL, DefaultTTL, MaxTTL } = policy;
    const { EnableAcceptEncodingBrotli: br, EnableAcceptEncodingGzip: gzip } = parameters;
    return {
      seconds: [Number(MinTTL), Number(DefaultTTL), Number(MaxTTL)],
      key: forwardingOf(parameters),
      encodings: [
        ...(String(br) === 'true' ? (['br'] as const) : []),
        ...(String(gzip) === 'true' ? (['gzip'] as const) : []),
      ],
    };
  }

  #originRequestPolicy(id: string | undefined): Forwarding {
    if (id === undefined) return noForwarding;
    const own = () => this.#site.declared(id).require<PolicyParameters>('OriginRequestPolicyConfig');
    return managedPolicy(id) ?? forwardingOf(own());
  }

  #responseHeaders(id: string | undefined): readonly ResponseHeader[] {
    return id === undefined ? [] : responseHeaders(this.#site.declared(id), this.#site.book);
  }
}

function originConfig(origin: OriginProperty): OriginConfig {
  const { DomainName, OriginPath = '', OriginCustomHeaders = [] } = origin;
  const { CustomOriginConfig, VpcOriginConfig, ConnectionAttempts = 3, ConnectionTimeout = 10 } = origin;
  const readTimeout = (CustomOriginConfig ?? VpcOriginConfig)?.OriginReadTimeout ?? 30;
  return {
    domain: DomainName,
    path: OriginPath,
    headers: Object.fromEntries(
      OriginCustomHeaders.map(({ HeaderName, HeaderValue }) => [HeaderName.toLowerCase(), HeaderValue]),
    ),
    attempts: Number(ConnectionAttempts),
    // Both guard running code, whose heartbeats keep their pace whatever the clock's scale.
    connectTimeoutMs: 1000 * Number(ConnectionTimeout),
    readTimeoutMs: 1000 * Number(readTimeout),
  };
}

const groupConfig = ({ Members, FailoverCriteria }: OriginGroupProperty): OriginGroupConfig => ({
  members: Members.Items.map(({ OriginId }) => OriginId),
  statusCodes: FailoverCriteria.StatusCodes.Items.map(Number),
});

export const distribution: ResourceModule = {
  type: 'AWS::CloudFront::Distribution',
  global: true,
  identify({ stackName, logicalId }, { book }) {
    const hash = stableId(`${stackName}/${logicalId}`, 13);
    const domain = `d${hash}.cloudfront.net`;
    book.list(edgeListings.https);
    book.list(edgeListings.http);
    book.alias(domain, edgeListings.https);
    const id = `E${hash.toUpperCase()}`;
    return { ref: id, attributes: { Id: id, DomainName: domain } };
  },
  run: (declared, site) => new Distribution(declared, site),
};
