export interface BenchResult {
  bench: string;
  ratios: Record<string, number>;
  goals: Record<string, number>;
  /** What misses its goal. */
  short: string[];
  /** Absolute figures, for the reader; they depend on the machine. */
  figures: Record<string, number>;
}

/** A readable table: the first column to the left, figures to the right. */
export function printTable(rows: readonly (readonly string[])[]): void {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  for (const [index, row] of rows.entries()) {
    const cells = row.map((cell, column) =>
      column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
    );
    console.log(cells.join('  ').trimEnd());
    if (index === 0) console.log(widths.map((width) => '-'.repeat(width)).join('  '));
  }
}

/** The last line of every benchmark. */
export function printResult(result: BenchResult): void {
  const { bench, ratios, goals, short, figures } = result;
  console.log(JSON.stringify({ bench, ratios, goals, short, figures }));
}

/** The value below which `share` of the values lie (nearest rank). */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}

export function round(value: number, digits = 2): number {
  return Number(value.toFixed(digits));
}
