/**
 * Checks requests whose signature is in the query string ("Authenticating Requests: Using Query Parameters", S3 API
 * reference). Written from the document and not with the SDK's signer, so that the two check each other.
 */

import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { S3Error } from './error.ts';

export interface SignedRequest {
  readonly method: string;
  /** Path as it was sent, percent-encoded. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
}

export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

const algorithm = 'AWS4-HMAC-SHA256';
const longestSeconds = 7 * 24 * 3600;
/** How far a clock may be ahead, in milliseconds. */
const skewMs = 15 * 60_000;

/** Parameters of the signature; any other `x-amz-` parameter stands for the header of that name. */
const own = new Set([
  'x-amz-algorithm',
  'x-amz-credential',
  'x-amz-date',
  'x-amz-expires',
  'x-amz-signedheaders',
  'x-amz-signature',
  'x-amz-security-token',
  'x-amz-content-sha256',
]);

/** Whether a request is signed in its query string. */
export const isPresigned = (query: URLSearchParams): boolean =>
  parameter(query, 'X-Amz-Signature') !== undefined || parameter(query, 'X-Amz-Algorithm') !== undefined;

/** The headers that a presigned query carries as parameters, in lower case. */
export function hoistedHeaders(query: URLSearchParams): Record<string, string> {
  const hoisted = [...query].map(([name, value]) => [name.toLowerCase(), value] as const);
  return Object.fromEntries(hoisted.filter(([name]) => name.startsWith('x-amz-') && !own.has(name)));
}

/** The query without signature and hoisted headers: what is left says which operation it is. */
export function plainQuery(query: URLSearchParams): URLSearchParams {
  return new URLSearchParams([...query].filter(([name]) => !/^x-amz-/i.test(name)));
}

/** Region in the scope of a header-signed request, or undefined when there is none. */
export const scopeRegion = (authorization: string): string | undefined =>
  /Credential=[^/]+\/\d{8}\/([^/]+)\//.exec(authorization)?.[1];

/**
 * Verifies a presigned request as S3 of a region does.
 * @throws S3Error when it is malformed, expired, altered or signed by somebody else
 */
export function verifyPresigned(
  request: SignedRequest,
  region: string,
  credentials: Credentials,
  now = Date.now(),
): void {
  const { query, headers } = request;
  const need = (name: string): string => {
    const value = parameter(query, name);
    if (value !== undefined) return value;
    throw new S3Error(
      'AuthorizationQueryParametersError',
      `Query-string authentication version 4 requires the ${name} parameter.`,
    );
  };
  if (need('X-Amz-Algorithm') !== algorithm) {
    throw new S3Error('AuthorizationQueryParametersError', `X-Amz-Algorithm only supports "${algorithm}"`);
  }
  const credential = need('X-Amz-Credential');
  const date = need('X-Amz-Date');
  const signed = need('X-Amz-SignedHeaders').split(';');
  const signature = need('X-Amz-Signature');
  const [accessKeyId, ...scope] = credential.split('/');
  const day = date.slice(0, 8);
  if (scope.join('/') !== `${day}/${region}/s3/aws4_request`) {
    throw new S3Error(
      'AuthorizationQueryParametersError',
      `Error parsing the X-Amz-Credential parameter; got '${scope.join('/')}', expecting '${day}/${region}/s3/aws4_request'`,
    );
  }
  if (accessKeyId !== credentials.accessKeyId) {
    throw new S3Error(
      'InvalidAccessKeyId',
      'The AWS Access Key Id you provided does not exist in our records.',
    );
  }
  checkTime(date, need('X-Amz-Expires'), now);
  checkCovered(headers, signed);
  const expected = signatureOf(request, { date, region, signed }, credentials.secretAccessKey);
  const [given, wanted] = [Buffer.from(signature), Buffer.from(expected)];
  if (given.length !== wanted.length || !timingSafeEqual(given, wanted)) {
    throw new S3Error(
      'SignatureDoesNotMatch',
      'The request signature we calculated does not match the signature you provided. Check your key and signing method.',
    );
  }
}

function checkTime(date: string, expires: string, now: number): void {
  const at = Date.parse(date.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'));
  const seconds = Number(expires);
  if (Number.isNaN(at) || !Number.isInteger(seconds) || seconds < 1 || seconds > longestSeconds) {
    throw new S3Error(
      'AuthorizationQueryParametersError',
      `got X-Amz-Date '${date}' and X-Amz-Expires '${expires}', expected a time as 20260131T120000Z and 1 to ${longestSeconds} seconds`,
    );
  }
  if (at > now + skewMs) throw new S3Error('AccessDenied', 'Request is not valid yet');
  if (at + seconds * 1000 < now) throw new S3Error('AccessDenied', 'Request has expired');
}

/** Every `x-amz-` header must be signed, or anybody could add one. */
function checkCovered(headers: IncomingHttpHeaders, signed: readonly string[]): void {
  const uncovered = Object.keys(headers).filter((name) => /^x-amz-/.test(name) && !signed.includes(name));
  if (uncovered.length === 0 && signed.includes('host')) return;
  const names = uncovered.join(', ') || 'host';
  throw new S3Error(
    'AccessDenied',
    `There were headers present in the request which were not signed: ${names}`,
  );
}

function signatureOf(
  { method, path, query, headers }: SignedRequest,
  { date, region, signed }: { date: string; region: string; signed: readonly string[] },
  secret: string,
): string {
  const canonical = [
    method,
    path
      .split('/')
      .map((segment) => encode(decodeURIComponent(segment)))
      .join('/'),
    [...query]
      .filter(([name]) => name !== 'X-Amz-Signature')
      .map(([name, value]) => `${encode(name)}=${encode(value)}`)
      .sort()
      .join('&'),
    ...signed.map((name) => `${name}:${headerText(headers[name])}`),
    '',
    signed.join(';'),
    parameter(query, 'X-Amz-Content-Sha256') ?? headers['x-amz-content-sha256'] ?? 'UNSIGNED-PAYLOAD',
  ].join('\n');
  const scope = `${date.slice(0, 8)}/${region}/s3/aws4_request`;
  const toSign = [algorithm, date, scope, createHash('sha256').update(canonical).digest('hex')].join('\n');
  const key = scope.split('/').reduce<string | Buffer>(hmac, `AWS4${secret}`);
  return hmac(key, toSign).toString('hex');
}

const hmac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();

const headerText = (value: string | string[] | undefined): string =>
  String(value ?? '')
    .trim()
    .replace(/ +/g, ' ');

/** As RFC 3986 says: everything but letters, digits and `-._~`. */
const encode = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);

function parameter(query: URLSearchParams, name: string): string | undefined {
  return query.get(name) ?? query.get(name.toLowerCase()) ?? undefined;
}
