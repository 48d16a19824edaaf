/** Patterns with `*` (any characters, none too) and `?` (exactly one), as load balancers and CloudFront take them. */

/** Whether a whole text matches a pattern. Case counts unless told otherwise. */
export function matches(pattern: string, text: string, { ignoreCase = false } = {}): boolean {
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${source}$`, ignoreCase ? 'is' : 's').test(text);
}
