import type { Report } from '../store/report.ts';
import { button } from './email/body.ts';
import { sectionChapter } from './email/chapters.ts';
import { wholeChapter } from './email/fit.ts';
import { drawDocument, headline, sourceChapter, warningChapter } from './email/page.ts';
import { oneLine } from './format.ts';
import { describeSubject } from './subject.ts';
import type { Subject } from './subject.ts';

/** The report as a standalone page: everything inline and all of it, no script, nothing fetched. */
export function renderHtml(report: Report, about: Subject): string {
  const title = oneLine(report.title) || describeSubject(about).name;
  const chapters = [
    warningChapter(report),
    ...report.sections.map((section, at) => sectionChapter(section, { report, frame: { is: 'page' }, at })),
  ];
  const parts = [
    headline(report, about),
    ...chapters.map((chapter) => wholeChapter(chapter).html),
    ...(report.url === undefined ? [] : [button(report.url, 'Open the full report')]),
    wholeChapter(sourceChapter(report)).html,
  ];
  return drawDocument(report, { frame: 'page', about, title, body: parts.join('\n') });
}
