import type { Report } from '../store/report.ts';

/** The report as JSON, in the order of its schema, with a newline at its end; reading it again gives the same report. */
export function renderJson(report: Report): string {
  return `${JSON.stringify(report, null, 2)}\n`;
}
