/** What the run and the threads of its VUs say to each other. */

import type { MessagePort } from 'node:worker_threads';
import type { Contains, MetricType, Sample, Tags } from './metrics.ts';

/** Cells of the numbers that a thread and the run share. */
export const cells = {
  /** 1: the answer to a call lies in the port. */
  answered: 0,
  /** 1: the iteration is to end now. */
  interrupted: 1,
} as const;

/** What a thread is born with. */
export interface ThreadData {
  readonly script: string;
  /** 0 for the one that reads options and runs setup, teardown and handleSummary. */
  readonly vu: number;
  readonly env: Tags;
  readonly timeScale: number;
  readonly calls: MessagePort;
  readonly cells: Int32Array<SharedArrayBuffer>;
}

/** Where an iteration stands in the run. */
export interface Place {
  readonly scenario?: {
    readonly name: string;
    readonly executor: string;
    /** Unix milliseconds. */
    readonly startTime: number;
    /** Milliseconds; Infinity when iterations decide. */
    readonly durationMs: number;
    readonly iterationInTest: number;
    readonly iterationInScenario: number;
  };
  /** Iterations that this VU has run before. */
  readonly iteration: number;
  readonly env: Tags;
  readonly tags: Tags;
  readonly group: string;
  /** Unix milliseconds at which the test began. */
  readonly testStart: number;
}

/** To a thread. */
export interface Run {
  readonly kind: 'run';
  /** Exported function to call. */
  readonly exec: string;
  /** JSON of the arguments. */
  readonly data: readonly (string | undefined)[];
  readonly place: Place;
}

/** From a thread. */
export type Said =
  | { readonly kind: 'ready'; readonly options: unknown; readonly functions: readonly string[] }
  | { readonly kind: 'metric'; readonly name: string; readonly type: MetricType; readonly contains: Contains }
  | { readonly kind: 'samples'; readonly samples: readonly Sample[] }
  | { readonly kind: 'log'; readonly level: string; readonly text: string }
  /** Something that the harness does not know. */
  | { readonly kind: 'refused'; readonly what: string }
  | { readonly kind: 'abort'; readonly reason: string }
  | ({ readonly kind: 'ended' } & Ended);

/** How a function ended. */
export interface Ended {
  /** JSON of what it returned. */
  readonly value?: string | undefined;
  /** Of what it threw. */
  readonly error?: string;
  readonly interrupted: boolean;
  readonly durationMs: number;
}

/** A call that a thread waits for. */
export interface HttpCall {
  readonly requests: readonly HttpRequest[];
}

export interface HttpRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Sent beside those of the jar; one that replaces takes the place of the jar's of the same name. */
  readonly cookies: readonly { readonly name: string; readonly value: string; readonly replace: boolean }[];
  readonly body?: string | ArrayBuffer | undefined;
  readonly timeoutMs: number;
  /** @default the option maxRedirects */
  readonly redirects?: number | undefined;
  /** @default text, or none with the option discardResponseBodies */
  readonly responseType?: 'text' | 'binary' | 'none' | undefined;
  /** Inclusive ranges of status codes that are not failures. */
  readonly expected: readonly (readonly [number, number])[];
  /** Tags of the request beside those that the harness sets; a `name` wins over the address. */
  readonly tags: Tags;
}

export interface Timings {
  readonly blocked: number;
  readonly connecting: number;
  readonly tls_handshaking: number;
  readonly sending: number;
  readonly waiting: number;
  readonly receiving: number;
  readonly duration: number;
}

export interface Cookie {
  readonly name: string;
  readonly value: string;
  readonly domain: string;
  readonly path: string;
  readonly httpOnly: boolean;
  readonly secure: boolean;
  readonly maxAge: number;
  /** Unix milliseconds; 0 for none. */
  readonly expires: number;
}

export interface HttpAnswer {
  readonly url: string;
  /** 0 when there was no answer. */
  readonly status: number;
  readonly status_text: string;
  readonly proto: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly cookies: Readonly<Record<string, readonly Cookie[]>>;
  readonly body: string | ArrayBuffer | null;
  readonly error: string;
  readonly error_code: number;
  readonly timings: Timings;
  readonly remote_ip: string;
  readonly remote_port: number;
  readonly request: {
    readonly method: string;
    readonly url: string;
    readonly headers: Readonly<Record<string, readonly string[]>>;
    readonly body: string;
  };
}

export type Answered = { readonly interrupted: true } | { readonly answers: readonly HttpAnswer[] };
