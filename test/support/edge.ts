/** An edge in front of servers of the test, and the records that its origins may have. */

import type { Endpoint } from '../../contract/endpoint.ts';
import type { BehaviorConfig, CacheConfig, EdgeConfig, OriginConfig } from '../../local/edge/config.ts';
import { managedPolicy } from '../../local/edge/policies.ts';
import { edge } from '../../local/parts/edge.ts';
import { record } from '../../local/parts/record.ts';
import type { Viewer } from '../../local/routing.ts';
import { freePort, runPart } from './parts.ts';

export const allViewerExceptHost = managedPolicy('b689b0a8-53d0-40ab-baf2-68738e2966ac')!;
export const allMethods = ['GET', 'HEAD', 'OPTIONS', 'PUT', 'PATCH', 'POST', 'DELETE'];

export const uncached: CacheConfig = {
  minMs: 0,
  defaultMs: 0,
  maxMs: 0,
  key: { headers: [], cookies: [], query: [] },
  encodings: [],
};

export const origin = (domain: string, more: Partial<OriginConfig> = {}): OriginConfig => ({
  domain,
  path: '',
  headers: {},
  attempts: 2,
  connectTimeoutMs: 1_000,
  readTimeoutMs: 5_000,
  ...more,
});

export const behavior = (more: Partial<BehaviorConfig> = {}): BehaviorConfig => ({
  pattern: '*',
  target: 'service',
  methods: allMethods,
  forwarding: allViewerExceptHost,
  cache: uncached,
  compress: false,
  responseHeaders: [],
  ...more,
});

/** What every edge of a test has. */
export const common = {
  distribution: { id: 'E1', domain: 'd1.cloudfront.net' },
  names: ['www.example.com'],
  errorTtlMs: {},
  otherErrorTtlMs: 0,
  groups: {},
};

/** Runs an edge whose origin `service` is `service.example`; returns the port that a person opens. */
export async function runEdge(
  more: Partial<EdgeConfig>,
  names: Readonly<Record<string, Endpoint>>,
): Promise<number> {
  const httpsPort = await freePort();
  await runPart(
    edge,
    {
      ...common,
      httpsPort,
      httpPort: await freePort(),
      behaviors: [behavior()],
      origins: { service: origin('service.example') },
      ...more,
    },
    names,
  );
  return httpsPort;
}

/**
 * Answers a name for the viewers of two places by two load balancers, through records and a name server.
 * @returns what an edge has to know of the name server
 */
export async function answerByPlace(
  name: string,
  answers: readonly { readonly geography: Viewer; readonly balancer: string; readonly ipv4: string }[],
): Promise<NonNullable<EdgeConfig['nameServer']>> {
  const port = await freePort();
  for (const [i, { geography, balancer, ipv4 }] of answers.entries()) {
    const alias = { name: balancer, evaluateTargetHealth: false };
    await runPart(record, {
      record: { name, type: 'A', setIdentifier: String(i), geography, alias },
      addresses: { ipv4, ipv6: `2001:db8::${i}` },
      graceMs: 0,
      nameServerPort: port,
    });
  }
  return { port, secondMs: 1_000 };
}
