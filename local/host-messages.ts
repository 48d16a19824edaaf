/** What the run and a host process say to each other over IPC; all of it plain JSON. */

import type { Endpoint } from '../contract/endpoint.ts';

export type Request = { readonly kind: 'request'; readonly id: number; readonly partId: string } & (
  | { readonly operation: 'run'; readonly part: string; readonly config: unknown }
  | { readonly operation: 'update'; readonly config: unknown }
  | { readonly operation: 'call'; readonly method: string; readonly argument: unknown }
  | { readonly operation: 'close' }
);

export type ToHost =
  | Request
  | { readonly kind: 'addresses'; readonly addresses: Readonly<Record<string, Endpoint>> };

export type FromHost =
  | { readonly kind: 'ready' }
  | { readonly kind: 'reply'; readonly id: number; readonly result?: unknown; readonly error?: string }
  | {
      readonly kind: 'event';
      readonly partId: string;
      readonly event: string;
      readonly detail?: Readonly<Record<string, unknown>>;
    }
  | { readonly kind: 'log'; readonly partId: string; readonly line: string };
