import { plainText } from '../../src/render/format.ts';
import type { Report } from '../../src/store/report.ts';

/** The words that `anyReport` puts into a report to be looked for; those inside of escape sequences are none. */
export function wordsOf(report: Report): string[] {
  const strings: string[] = [];
  const walk = (value: unknown): void => {
    if (typeof value === 'string') strings.push(plainText(value));
    else if (typeof value === 'object' && value !== null) Object.values(value).forEach(walk);
  };
  // The labels of a table without rows have nothing below them; that there is none is said instead.
  const sections = report.sections.map((one) => (one.kind === 'table' && one.rows.length === 0 ? one.caption : one));
  walk({ ...report, sections });
  return [...new Set(strings.flatMap((text) => text.match(/zq\d+x/g) ?? []))];
}
