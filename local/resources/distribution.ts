/** AWS::CloudFront::Distribution: the part `edge` in the edge's host. */

import { stableId } from '../arn.ts';
import type {
  BehaviorConfig,
  EdgeConfig,
  OriginConfig,
  OriginGroupConfig,
  ResponseHeader,
} from '../edge/config.ts';
import {
  type Forwarding,
  forwardingOf,
  managedPolicy,
  type PolicyParameters,
  union,
} from '../edge/policies.ts';
import type { PartHandle } from '../host-client.ts';
import type { Activity, Declared, ResourceModule, Site, Unit } from '../resource.ts';
import { responseHeaders } from './response-headers.ts';

/** Address-book names of the port that a person opens and of the one that redirects to it. */
export const edgeListings = { https: 'edge/https', http: 'edge/http' } as const;

interface BehaviorProperty {
  readonly PathPattern?: string;
  readonly TargetOriginId: string;
  readonly AllowedMethods?: readonly string[];
  readonly CachePolicyId?: string;
  readonly OriginRequestPolicyId?: string;
  readonly ResponseHeadersPolicyId?: string;
  readonly FunctionAssociations?: readonly { readonly EventType: string; readonly FunctionARN: string }[];
}

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
    return {
      distribution: { id, domain: attributes['DomainName']! },
      httpsPort: book.list(edgeListings.https).port,
      httpPort: book.list(edgeListings.http).port,
      behaviors: [...ordered, { ...fallback, PathPattern: '*' }].map((one) => this.#behavior(one)),
      origins: Object.fromEntries(origins.map((origin) => [origin.Id, originConfig(origin)])),
      groups: Object.fromEntries(groups.map((group) => [group.Id, groupConfig(group)])),
    };
  }

  #behavior(behavior: BehaviorProperty): BehaviorConfig {
    const [viewer] = behavior.FunctionAssociations?.filter((one) => one.EventType === 'viewer-request') ?? [];
    return {
      pattern: behavior.PathPattern ?? '*',
      target: behavior.TargetOriginId,
      methods: behavior.AllowedMethods ?? ['GET', 'HEAD'],
      forwarding: union(
        this.#policy(behavior.CachePolicyId, 'CachePolicyConfig.ParametersInCacheKeyAndForwardedToOrigin'),
        this.#policy(behavior.OriginRequestPolicyId, 'OriginRequestPolicyConfig'),
      ),
      ...(viewer && {
        viewerFunction: this.#site.declared(viewer.FunctionARN).require<string>('FunctionCode'),
      }),
      responseHeaders: this.#responseHeaders(behavior.ResponseHeadersPolicyId),
    };
  }

  /** A policy by its id: one of CloudFront's own, or the template's. */
  #policy(id: string | undefined, property: string): Forwarding {
    if (id === undefined) return { headers: [], cookies: [], query: [] };
    return managedPolicy(id) ?? forwardingOf(this.#site.declared(id).require<PolicyParameters>(property));
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
