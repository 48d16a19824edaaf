/** A bucket's cross-origin rules ("Using cross-origin resource sharing", S3 user guide). */

export interface CorsRule {
  readonly origins: readonly string[];
  readonly methods: readonly string[];
  readonly headers: readonly string[];
  readonly exposed: readonly string[];
  readonly maxAgeSeconds?: number;
}

/** What a browser asks: its page, the method and, before the request, the headers it will send. */
export interface CorsQuestion {
  /** The page's origin, and every other that the same page has elsewhere. */
  readonly origins: readonly string[];
  readonly method: string;
  readonly headers: readonly string[];
}

/** Headers of the answer by the first rule that fits, or undefined when none does. */
export function corsHeaders(
  rules: readonly CorsRule[],
  question: CorsQuestion,
): Record<string, string> | undefined {
  const rule = rules.find(
    ({ origins, methods, headers }) =>
      question.origins.some((origin) => origins.some((pattern) => fits(pattern, origin))) &&
      methods.includes(question.method) &&
      question.headers.every((name) => headers.some((pattern) => fits(pattern.toLowerCase(), name))),
  );
  const [origin] = question.origins;
  if (!rule || origin === undefined) return undefined;
  return {
    'access-control-allow-origin': rule.origins.includes('*') ? '*' : origin,
    'access-control-allow-methods': rule.methods.join(', '),
    ...(question.headers.length > 0 && { 'access-control-allow-headers': question.headers.join(', ') }),
    ...(rule.exposed.length > 0 && { 'access-control-expose-headers': rule.exposed.join(', ') }),
    ...(rule.maxAgeSeconds !== undefined && { 'access-control-max-age': String(rule.maxAgeSeconds) }),
    ...(!rule.origins.includes('*') && { 'access-control-allow-credentials': 'true' }),
    vary: 'Origin, Access-Control-Request-Headers, Access-Control-Request-Method',
  };
}

/** Patterns hold at most one `*`, which stands for any text. */
function fits(pattern: string, text: string): boolean {
  const [before, after] = pattern.split('*') as [string, string | undefined];
  if (after === undefined) return pattern === text;
  return text.length >= before.length + after.length && text.startsWith(before) && text.endsWith(after);
}
