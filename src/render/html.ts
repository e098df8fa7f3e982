import type { Run } from '../store/records.ts';
import type { Report } from '../store/report.ts';
import { renderPage } from './email/report.ts';
import { oneLine } from './format.ts';

/** The report as a standalone page: everything inline, no script, nothing fetched. */
export function renderHtml(report: Report, options: { run: Run }): string {
  return renderPage(report, { run: options.run, subject: oneLine(report.title) || options.run.job, frame: 'page' });
}
