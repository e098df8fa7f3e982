export interface TortureResult {
  torture: string;
  trials: number;
  /** How often each kind of harm was found. */
  counts: Record<string, number>;
  /** How often each of them was looked for. */
  checks: Record<string, number>;
  /** What was found at all. */
  short: string[];
  figures: Record<string, number>;
}

/** The last line of every torture. */
export function printResult({ torture, trials, counts, checks, short, figures }: TortureResult): void {
  console.log(JSON.stringify({ torture, trials, ...counts, checks, short, figures }));
}
