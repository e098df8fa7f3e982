/** Placeholder for the interface of the files beside a report. */
import type { Report } from '../store/report.ts';
import type { FilePlan } from './file-plan.ts';

/** The files that a destination asked for, and the report's own first. */
export function attachmentPlans(
  report: Report,
  attach: readonly ('csv' | 'html' | 'md' | 'json')[],
  stem: string,
): FilePlan[] {
  const title = report.title;
  const own = (report.attachments ?? []).map(({ name, mediaType, sha256, title: named }): FilePlan => {
    return { name, mediaType, title: named ?? name, source: { is: 'blob', sha256 } };
  });
  const asked = attach.flatMap((format): FilePlan[] => {
    if (format !== 'csv')
      return [{ name: `${stem}.${format}`, mediaType: 'text/plain', title, source: { is: 'report', format } }];
    return report.sections.flatMap((section, at): FilePlan[] => {
      if (section.kind !== 'table') return [];
      const name = `${stem}-${section.id ?? `table-${at + 1}`}.csv`;
      return [{ name, mediaType: 'text/csv', title: section.caption, source: { is: 'table', section: at } }];
    });
  });
  return [...own, ...asked];
}
