/** The candidates closest to what was typed, best first: at most `limit`, and only those a typo could explain. */
export function suggest(typed: string, candidates: readonly string[], limit = 3): string[] {
  const word = typed.toLowerCase().slice(0, 64);
  const tolerance = Math.max(1, Math.floor(word.length / 3));
  return candidates
    .map((candidate) => ({ candidate, distance: distanceTo(word, candidate.toLowerCase()) }))
    .filter(({ distance }) => distance <= tolerance)
    .sort((a, b) => a.distance - b.distance || a.candidate.localeCompare(b.candidate))
    .slice(0, limit)
    .map(({ candidate }) => candidate);
}

function distanceTo(word: string, candidate: string): number {
  // A word that is a part of the candidate is nearer than any typo.
  if (word.length >= 3 && candidate.includes(word)) return 0.5;
  return editDistance(word, candidate.slice(0, 64));
}

/** Levenshtein distance with a swap of neighbours counted as one edit (optimal string alignment). */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const cost = a[row - 1] === b[column - 1] ? 0 : 1;
      let best = Math.min((last[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1, (last[column - 1] ?? 0) + cost);
      const swapped = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      if (swapped) best = Math.min(best, (beforeLast[column - 2] ?? 0) + 1);
      current.push(best);
    }
    beforeLast = last;
    last = current;
  }
  return last[b.length] ?? 0;
}

/** "did you mean a or b?", or undefined when nothing is near. */
export function didYouMean(typed: string, candidates: readonly string[]): string | undefined {
  const near = suggest(typed, candidates);
  return near.length === 0 ? undefined : `did you mean ${near.join(' or ')}?`;
}
