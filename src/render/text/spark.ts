/** Values as a line of blocks. */
const BLOCKS = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'] as const;
const GAP = '·';

export interface Range {
  low: number;
  high: number;
}

/** The lowest and the highest of the values that are there; undefined when none is. */
export function rangeOf(values: readonly (number | null)[]): Range | undefined {
  const known = values.filter((value): value is number => value !== null && Number.isFinite(value));
  return known.length === 0 ? undefined : { low: Math.min(...known), high: Math.max(...known) };
}

/** One block a value, a dot where there is none. Equal values stand in the middle. */
export function blocksOf(values: readonly (number | null)[], range: Range | undefined): string {
  return values.map((value) => (value === null || range === undefined ? GAP : blockOf(value, range))).join('');
}

function blockOf(value: number, { low, high }: Range): string {
  // Halved first: the distance of two huge numbers is more than a number can hold.
  const height = high === low ? 0.5 : (value / 2 - low / 2) / (high / 2 - low / 2);
  return BLOCKS[Math.min(BLOCKS.length - 1, Math.floor(height * BLOCKS.length))] ?? GAP;
}

/** At most `most` values: each the mean of its share, a gap only where all of it is one. */
export function resampled(values: readonly (number | null)[], most: number): (number | null)[] {
  if (values.length <= most) return [...values];
  return Array.from({ length: most }, (_, at) => {
    const share = values.slice(Math.floor((at * values.length) / most), Math.floor(((at + 1) * values.length) / most));
    const known = share.filter((value) => value !== null);
    return known.length === 0 ? null : known.reduce((sum, value) => sum + value / known.length, 0);
  });
}
