/** AWS::Route53::HealthCheck: a checker in the edge's process. */

import { stableId } from '../arn.ts';
import type { PartHandle } from '../host-client.ts';
import type { HealthCheckerConfig } from '../parts/health-checker.ts';
import type { Activity, Declared, ResourceModule, Site } from '../resource.ts';

interface HealthCheckProperty {
  readonly Type: string;
  readonly FullyQualifiedDomainName?: string;
  readonly ResourcePath?: string;
  readonly RequestInterval?: number;
  readonly FailureThreshold?: number;
  readonly Inverted?: boolean;
  readonly ChildHealthChecks?: readonly string[];
  readonly HealthThreshold?: number;
}

/** What a check judges, and by what. */
export type RoutingCheck = { readonly id: string; readonly inverted: boolean } & (
  | {
      readonly kind: 'endpoint';
      readonly host: string;
      readonly path: string;
      readonly intervalSeconds: number;
      readonly failureThreshold: number;
    }
  | { readonly kind: 'calculated'; readonly children: readonly string[]; readonly healthThreshold: number }
);

const idOf = ({ stackName, logicalId }: Declared): string =>
  stableId(`${stackName}/${logicalId}`, 32).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');

/**
 * A template's health check, with every reference resolved and every default filled in.
 * @throws Error for a type of check that nothing here makes
 */
export function routingCheck(declared: Declared): RoutingCheck {
  const check = declared.require<HealthCheckProperty>('HealthCheckConfig');
  const common = { id: idOf(declared), inverted: String(check.Inverted ?? false) === 'true' };
  if (check.Type === 'CALCULATED') {
    const children = check.ChildHealthChecks ?? [];
    const healthThreshold = Number(check.HealthThreshold ?? children.length);
    return { ...common, kind: 'calculated', children, healthThreshold };
  }
  if ((check.Type === 'HTTPS' || check.Type === 'HTTP') && check.FullyQualifiedDomainName) {
    return {
      ...common,
      kind: 'endpoint',
      host: check.FullyQualifiedDomainName,
      path: check.ResourcePath ?? '/',
      intervalSeconds: Number(check.RequestInterval ?? 30),
      failureThreshold: Number(check.FailureThreshold ?? 3),
    };
  }
  throw new Error(
    `got a health check of type ${check.Type}, expected CALCULATED, or HTTP(S) with a domain name`,
  );
}

class HealthCheck implements Activity {
  readonly #declared: Declared;
  readonly #site: Site;
  #handle: PartHandle<HealthCheckerConfig> | undefined;

  constructor(declared: Declared, site: Site) {
    this.#declared = declared;
    this.#site = site;
  }

  async start(): Promise<void> {
    const config = this.#config();
    this.#handle = await this.#site
      .host('edge')
      .run<HealthCheckerConfig>('health-checker', this.#declared.logicalId, config);
  }

  async stop(): Promise<void> {
    const handle = this.#handle;
    this.#handle = undefined;
    await handle?.close();
  }

  #config(): HealthCheckerConfig {
    const check = routingCheck(this.#declared);
    if (check.kind === 'calculated') return check;
    const { intervalSeconds, ...endpoint } = check;
    return { ...endpoint, intervalMs: this.#site.clock.ms(intervalSeconds) };
  }
}

export const healthCheck: ResourceModule = {
  type: 'AWS::Route53::HealthCheck',
  global: true,
  identify: (declared) => ({ ref: idOf(declared), attributes: { HealthCheckId: idOf(declared) } }),
  run: (declared, site) => new HealthCheck(declared, site),
};
