/**
 * Which action a listener takes: rules by priority, then the default. Pure; after "Listener rules for your
 * Application Load Balancer" and "Condition types for listener rules" (Elastic Load Balancing user guide).
 */

import { matches } from '../wildcard.ts';

export type Action =
  | {
      readonly kind: 'forward';
      readonly groups: readonly { readonly targetGroup: string; readonly weight: number }[];
    }
  | {
      readonly kind: 'fixed-response';
      readonly status: number;
      readonly contentType?: string;
      readonly body?: string;
    }
  | {
      readonly kind: 'redirect';
      readonly status: number;
      readonly protocol: string;
      readonly host: string;
      readonly port: string;
      readonly path: string;
      readonly query: string;
    };

/** Any of the values must match. Values may hold wildcards. */
export type Condition =
  | {
      readonly field: 'path-pattern' | 'host-header' | 'http-request-method';
      readonly values: readonly string[];
    }
  | { readonly field: 'http-header'; readonly name: string; readonly values: readonly string[] }
  | {
      readonly field: 'query-string';
      readonly values: readonly { readonly key?: string; readonly value: string }[];
    };

export interface Rule {
  readonly priority: number;
  /** All must hold. */
  readonly conditions: readonly Condition[];
  readonly action: Action;
}

/** What conditions look at. */
export interface Asked {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly query: string;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
}

/** The action of the first rule whose conditions hold, else the default. Rules may come in any order. */
export function decide(rules: readonly Rule[], fallback: Action, asked: Asked): Action {
  const byPriority = [...rules].sort((a, b) => a.priority - b.priority);
  return (
    byPriority.find(({ conditions }) => conditions.every((one) => holds(one, asked)))?.action ?? fallback
  );
}

function holds(condition: Condition, { method, path, query, headers }: Asked): boolean {
  switch (condition.field) {
    case 'path-pattern':
      return condition.values.some((value) => matches(value, path));
    case 'http-request-method':
      return condition.values.includes(method);
    case 'host-header': {
      const host = String(headers['host'] ?? '').replace(/:\d+$/, '');
      return condition.values.some((value) => matches(value, host, { ignoreCase: true }));
    }
    case 'http-header': {
      const given = [headers[condition.name.toLowerCase()] ?? []].flat();
      return given.some((text) =>
        condition.values.some((value) => matches(value, text, { ignoreCase: true })),
      );
    }
    case 'query-string': {
      const given = [...new URLSearchParams(query)];
      return condition.values.some(({ key, value }) =>
        given.some(
          ([name, text]) =>
            (key === undefined || matches(key, name, { ignoreCase: true })) &&
            matches(value, text, { ignoreCase: true }),
        ),
      );
    }
  }
}

/** Fills `#{protocol}`, `#{host}`, `#{port}`, `#{path}` and `#{query}` of a redirect; `#{path}` has no leading slash. */
export function redirectLocation(
  action: Extract<Action, { kind: 'redirect' }>,
  from: { protocol: string; host: string; port: string; path: string; query: string },
): string {
  const own = { ...from, path: from.path.replace(/^\//, '') };
  const fill = (text: string) => text.replace(/#\{(\w+)\}/g, (_, name: keyof typeof own) => own[name] ?? '');
  const [protocol, host, port, path, query] = [
    action.protocol,
    action.host,
    action.port,
    action.path,
    action.query,
  ].map(fill) as [string, string, string, string, string];
  return `${protocol.toLowerCase()}://${host}:${port}${path}${query ? `?${query}` : ''}`;
}
