import type { Report } from '../store/report.ts';
import { renderPage } from './email/report.ts';
import { oneLine } from './format.ts';
import { describeSubject } from './subject.ts';
import type { Subject } from './subject.ts';

/** The report as a standalone page: everything inline, no script, nothing fetched. */
export function renderHtml(report: Report, about: Subject): string {
  const title = oneLine(report.title) || describeSubject(about).name;
  return renderPage(report, { about, title, frame: 'page' });
}
