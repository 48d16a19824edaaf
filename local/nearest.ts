/** The candidate that a mistyped word probably means, or undefined when none is near. Ignores case. */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  const wanted = word.toLowerCase();
  let best: { readonly candidate: string; readonly distance: number } | undefined;
  for (const candidate of candidates) {
    const distance = distanceToBeginning(wanted, candidate.toLowerCase());
    if (!best || distance < best.distance) best = { candidate, distance };
  }
  const tolerated = wanted.length < 4 ? 1 : Math.max(2, wanted.length / 3);
  return best && Math.floor(best.distance) <= tolerated ? best.candidate : undefined;
}

/** `; did you mean 'X'?`, or nothing. */
export function suggestion(word: string, candidates: Iterable<string>): string {
  const found = nearest(word, candidates);
  return found ? `; did you mean '${found}'?` : '';
}

/**
 * Levenshtein's distance of a word to the nearest beginning of another: logical ids end in eight characters of hash
 * that nobody types. What is left over counts a little, so that the whole word wins over a longer one.
 */
function distanceToBeginning(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next[j] = Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1));
    }
    row = next;
  }
  return Math.min(...row.map((distance, j) => distance + (b.length - j) / 1000));
}
