/** The candidate that `word` is most likely a misspelling of, in any case, or `undefined` when none is near. */
export function suggestion(word: string, candidates: Iterable<string>): string | undefined {
  // Two slips in a short word would make it any other word.
  let nearest = Math.min(3, Math.floor(word.length / 3)) + 1;
  let best: string | undefined;
  for (const candidate of candidates) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance >= nearest) continue;
    nearest = distance;
    best = candidate;
  }
  return best;
}

/** How many characters to insert, remove or replace to get from `a` to `b` (Levenshtein). */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let i = 0; i < a.length; i++) {
    const next = [i + 1];
    for (let j = 0; j < b.length; j++) {
      const replaced = (row[j] ?? 0) + (a[i] === b[j] ? 0 : 1);
      next.push(Math.min(replaced, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}
