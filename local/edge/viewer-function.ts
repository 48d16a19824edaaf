/**
 * Runs the code of a CloudFront function on viewer requests. After "CloudFront Functions event structure" (Amazon
 * CloudFront developer guide). The code is the template's own: the sandbox keeps it honest, not the machine safe.
 */

import { randomUUID } from 'node:crypto';
import { createContext, runInContext, Script } from 'node:vm';
import type { HeaderMap } from '../proxy.ts';
import { formatCookies, parseCookies } from './policies.ts';

interface Value {
  value: string;
  multiValue?: { value: string }[];
}
type Values = Record<string, Value>;

interface FunctionRequest {
  method: string;
  uri: string;
  querystring: Values;
  headers: Values;
  cookies: Values;
}

interface FunctionResponse {
  statusCode: number;
  statusDescription?: string;
  headers?: Values;
  body?: string | { data: string; encoding?: 'text' | 'base64' };
}

/** The part of a request that a function sees and may change. */
export interface ViewerRequest {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly query: string;
  readonly headers: HeaderMap;
}

/** A function answers itself, or lets a request pass. */
export type Verdict =
  | { readonly kind: 'pass'; readonly request: ViewerRequest }
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly headers: HeaderMap;
      readonly body: string | Buffer;
    };

export type ViewerFunction = (request: ViewerRequest, address: string) => Promise<Verdict>;

/** A function may use this many milliseconds; CloudFront gives it less than one. */
const longestMs = 100;

/** Compiles a function's code, which declares `handler`. @throws SyntaxError for code that is none */
export function viewerFunction(code: string, distribution: { id: string; domain: string }): ViewerFunction {
  const context = createContext({ console: { log() {}, error() {} } });
  runInContext(code, context, { timeout: longestMs });
  const call = new Script('handler(event)');
  // Watching a call takes a thread and more time than all the rest of a request; without a loop it ends by itself.
  const watch = /\b(?:for|while|do)\b/.test(code) ? { timeout: longestMs } : {};
  return async (request, address) => {
    context['event'] = {
      version: '1.0',
      context: {
        distributionDomainName: distribution.domain,
        distributionId: distribution.id,
        eventType: 'viewer-request',
        requestId: randomUUID(),
      },
      viewer: { ip: address },
      request: toFunction(request),
    };
    const result: FunctionRequest | FunctionResponse = await call.runInContext(context, watch);
    return 'statusCode' in result ? answer(result) : { kind: 'pass', request: fromFunction(result) };
  };
}

function toFunction({ method, path, query, headers }: ViewerRequest): FunctionRequest {
  const { cookie, ...others } = headers;
  return {
    method,
    uri: path,
    querystring: collect(query.split('&').filter(Boolean).map(splitPair)),
    headers: collect(
      Object.entries(others).flatMap(([name, value]) =>
        [value].flat().map((one): [string, string] => [name, one]),
      ),
    ),
    cookies: collect(parseCookies(cookie)),
  };
}

function fromFunction(request: FunctionRequest): ViewerRequest {
  const cookies = spread(request.cookies);
  const headers = headersOf(request.headers);
  return {
    method: request.method,
    path: request.uri,
    query: spread(request.querystring)
      .map(([name, value]) => (value === '' ? name : `${name}=${value}`))
      .join('&'),
    headers: cookies.length > 0 ? { ...headers, cookie: formatCookies(cookies) } : headers,
  };
}

function answer({ statusCode, headers = {}, body = '' }: FunctionResponse): Verdict {
  const text = typeof body === 'string' ? body : body.data;
  const encoded = typeof body !== 'string' && body.encoding === 'base64';
  return {
    kind: 'answer',
    status: statusCode,
    headers: headersOf(headers),
    body: encoded ? Buffer.from(text, 'base64') : text,
  };
}

function splitPair(pair: string): [string, string] {
  const at = pair.indexOf('=');
  return at < 0 ? [pair, ''] : [pair.slice(0, at), pair.slice(at + 1)];
}

/** Repeated names become one entry with all values beside the last. */
function collect(pairs: readonly [string, string][]): Values {
  const values: Values = {};
  for (const [name, value] of pairs) {
    const known = values[name];
    if (!known) values[name] = { value };
    else {
      known.multiValue = [...(known.multiValue ?? [{ value: known.value }]), { value }];
      known.value = value;
    }
  }
  return values;
}

const spread = (values: Values): [string, string][] =>
  Object.entries(values).flatMap(([name, { value, multiValue }]) =>
    (multiValue ?? [{ value }]).map((one): [string, string] => [name, one.value]),
  );

function headersOf(values: Values): HeaderMap {
  const headers: HeaderMap = {};
  for (const [name, { value, multiValue }] of Object.entries(values)) {
    headers[name.toLowerCase()] = multiValue ? multiValue.map((one) => one.value) : value;
  }
  return headers;
}
