import type { Report } from '../store/report.ts';
import type { FilePlan } from './file-plan.ts';
import { oneLine } from './format.ts';

type Format = 'csv' | 'html' | 'md' | 'json';
const MEDIA: Record<Exclude<Format, 'csv'>, string> = {
  html: 'text/html',
  md: 'text/markdown',
  json: 'application/json',
};

/** The files that go with a report: its own attachments first, then one a format, `csv` one a table. */
export function attachmentPlans(report: Report, attach: readonly Format[], stem: string): FilePlan[] {
  const own = (report.attachments ?? []).map(({ name, mediaType, title, sha256 }): FilePlan => ({
    name,
    mediaType,
    title: title ?? name,
    source: { is: 'blob', sha256 },
  }));
  const made = attach.flatMap((format): FilePlan[] => {
    if (format !== 'csv') {
      const name = `${stem}.${format}`;
      return [{ name, mediaType: MEDIA[format], title: oneLine(report.title), source: { is: 'report', format } }];
    }
    return report.sections.flatMap((section, at): FilePlan[] =>
      section.kind === 'table'
        ? [
            {
              name: `${stem}-${section.id ?? at + 1}.csv`,
              mediaType: 'text/csv',
              title: oneLine(section.caption),
              source: { is: 'table', section: at },
            },
          ]
        : [],
    );
  });
  return [...own, ...made];
}
