/** Actions and conditions of listeners and rules, from a template's shape to that of the load balancer. */

import type { Action, Condition, Rule } from '../balancer/rules.ts';
import type { Declared, Site } from '../resource.ts';
import type { LoadBalancer } from './load-balancer.ts';
import type { TargetGroup } from './target-group.ts';

interface ActionProperty {
  readonly Type: string;
  readonly TargetGroupArn?: string;
  readonly ForwardConfig?: {
    readonly TargetGroups?: readonly { readonly TargetGroupArn: string; readonly Weight?: number }[];
  };
  readonly FixedResponseConfig?: {
    readonly StatusCode: string;
    readonly ContentType?: string;
    readonly MessageBody?: string;
  };
  readonly RedirectConfig?: {
    readonly StatusCode: string;
    readonly Protocol?: string;
    readonly Host?: string;
    readonly Port?: string;
    readonly Path?: string;
    readonly Query?: string;
  };
}

interface ConditionProperty {
  readonly Field: string;
  readonly Values?: readonly string[];
  readonly PathPatternConfig?: { readonly Values?: readonly string[] };
  readonly HostHeaderConfig?: { readonly Values?: readonly string[] };
  readonly HttpRequestMethodConfig?: { readonly Values?: readonly string[] };
  readonly HttpHeaderConfig?: { readonly HttpHeaderName: string; readonly Values: readonly string[] };
  readonly QueryStringConfig?: {
    readonly Values: readonly { readonly Key?: string; readonly Value: string }[];
  };
}

/**
 * The one action that decides the answer, from `DefaultActions` or `Actions`; target groups it names are attached.
 * @throws Error for an action that has no meaning on this machine
 */
export function actionOf(declared: Declared, property: string, balancer: LoadBalancer, site: Site): Action {
  const actions = declared.require<ActionProperty[]>(property);
  const action = actions.at(-1);
  switch (action?.Type) {
    case 'forward': {
      const groups = action.ForwardConfig?.TargetGroups ?? [{ TargetGroupArn: action.TargetGroupArn! }];
      for (const { TargetGroupArn } of groups) balancer.use(site.peer<TargetGroup>(TargetGroupArn));
      return {
        kind: 'forward',
        groups: groups.map(({ TargetGroupArn, Weight = 1 }) => ({
          targetGroup: TargetGroupArn,
          weight: Weight,
        })),
      };
    }
    case 'fixed-response': {
      const { StatusCode, ContentType, MessageBody } = action.FixedResponseConfig!;
      return {
        kind: 'fixed-response',
        status: Number(StatusCode),
        contentType: ContentType,
        body: MessageBody,
      };
    }
    case 'redirect': {
      const { StatusCode, Protocol, Host, Port, Path, Query } = action.RedirectConfig!;
      return {
        kind: 'redirect',
        status: Number(/\d+/.exec(StatusCode)?.[0] ?? 302),
        protocol: Protocol ?? '#{protocol}',
        host: Host ?? '#{host}',
        port: Port ?? '#{port}',
        path: Path ?? '/#{path}',
        query: Query ?? '#{query}',
      };
    }
    default:
      throw new Error(
        `${declared.stack}, ${declared.logicalId}, ${property}: got action '${action?.Type}', expected forward, fixed-response or redirect`,
      );
  }
}

/** A rule's conditions. A source-ip condition always holds: everything here comes from this machine. */
export function conditionsOf(declared: Declared): Rule['conditions'] {
  const conditions = declared.require<ConditionProperty[]>('Conditions');
  return conditions.flatMap((one): Condition[] => {
    switch (one.Field) {
      case 'path-pattern':
        return [{ field: 'path-pattern', values: one.PathPatternConfig?.Values ?? one.Values ?? [] }];
      case 'host-header':
        return [{ field: 'host-header', values: one.HostHeaderConfig?.Values ?? one.Values ?? [] }];
      case 'http-request-method':
        return [{ field: 'http-request-method', values: one.HttpRequestMethodConfig?.Values ?? [] }];
      case 'http-header': {
        const { HttpHeaderName, Values } = one.HttpHeaderConfig!;
        return [{ field: 'http-header', name: HttpHeaderName, values: Values }];
      }
      case 'query-string': {
        const values = one.QueryStringConfig!.Values;
        return [
          { field: 'query-string', values: values.map(({ Key, Value }) => ({ key: Key, value: Value })) },
        ];
      }
      case 'source-ip':
        return [];
      default:
        throw new Error(
          `${declared.stack}, ${declared.logicalId}, Conditions: got field '${one.Field}', expected one that listener rules know`,
        );
    }
  });
}
