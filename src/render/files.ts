/** The files that go with a report: which ones are asked for, under which names, and their bytes. */
import type { ATTACH_FORMATS } from '../store/destinations.ts';
import type { Section } from '../store/report-sections.ts';
import type { Report } from '../store/report.ts';
import type { Rasteriser } from './charts/png.ts';
import { drawChart } from './charts/svg.ts';
import { chartCsv, tableCsv } from './csv.ts';
import { createNamer } from './file-plan.ts';
import type { FilePlan, FileSource } from './file-plan.ts';
import { cutText, oneLine } from './format.ts';
import { renderHtml } from './html.ts';
import { renderJson } from './json.ts';
import { renderMarkdown } from './markdown-file.ts';
import type { Subject } from './subject.ts';
import { renderText } from './text.ts';

export type AttachFormat = (typeof ATTACH_FORMATS)[number];
type Rendered = Exclude<FileSource, { is: 'blob' }>;

const MEDIA_TYPES = {
  csv: 'text/csv; charset=utf-8',
  html: 'text/html; charset=utf-8',
  md: 'text/markdown; charset=utf-8',
  txt: 'text/plain; charset=utf-8',
  json: 'application/json',
} as const;
/** Charts are drawn for a column of this width, and twice as large. */
const CHART_WIDTH = 600;
const TEXT_COLUMNS = 100;
const MAX_NAME = 60;
const MAX_TITLE = 200;

/** The bytes of a file; the same for the same report. A section that is not of the kind asked for is a RangeError. */
export async function renderFile(
  source: Rendered,
  about: { report: Report; subject: Subject; png: Rasteriser['png'] },
): Promise<Uint8Array> {
  const { report, subject } = about;
  if (source.is === 'report') return Buffer.from(renderWhole(source.format, report, subject));
  const section = report.sections[source.section];
  if (source.is === 'table') return Buffer.from(csvOf(section));
  if (section?.kind !== 'chart') throw new RangeError(`section ${source.section} is no chart`);
  const svg = drawChart(section, { locale: report.locale, width: CHART_WIDTH, theme: source.theme ?? 'light' });
  return about.png(svg, CHART_WIDTH * 2);
}

/** The whole report in one of its written forms. */
export function renderWhole(format: 'html' | 'md' | 'txt' | 'json', report: Report, subject: Subject): string {
  switch (format) {
    case 'html':
      return renderHtml(report, subject);
    case 'md':
      return renderMarkdown(report, subject);
    case 'txt':
      return renderText(report, { width: TEXT_COLUMNS, color: 'none', about: subject });
    case 'json':
      return renderJson(report);
    default:
      return format satisfies never;
  }
}

function csvOf(section: Section | undefined): string {
  if (section?.kind === 'table') return tableCsv(section);
  if (section?.kind === 'chart') return chartCsv(section.chart);
  throw new RangeError('the section is no table');
}

/**
 * What goes with a report: its own attachments first, then what is asked for; `csv` is one file a table. `stem` is what the files of the
 * whole report are called. No two have one name, whatever letters they are written in.
 */
export function attachmentPlans(report: Report, attach: readonly AttachFormat[], stem: string): FilePlan[] {
  const name = createNamer();
  const own = (report.attachments ?? []).map((one): FilePlan => {
    const title = cutText(oneLine(one.title ?? one.name), MAX_TITLE);
    const source = { is: 'blob', sha256: one.sha256 } as const;
    return { name: name(one.name), mediaType: one.mediaType, title, source };
  });
  const asked = [...new Set(attach)].flatMap((format) =>
    format === 'csv' ? tablePlans(report, name) : [wholePlan(report, format, name(`${slug(stem)}.${format}`))],
  );
  return [...own, ...asked];
}

function tablePlans(report: Report, name: (wanted: string) => string): FilePlan[] {
  return report.sections.flatMap((section, at): FilePlan[] => {
    if (section.kind !== 'table') return [];
    const called = slug(section.title ?? section.id ?? section.caption);
    const title = cutText(oneLine(section.title ?? section.caption), MAX_TITLE);
    return [{ name: name(`${called}.csv`), mediaType: MEDIA_TYPES.csv, title, source: { is: 'table', section: at } }];
  });
}

function wholePlan(report: Report, format: Exclude<AttachFormat, 'csv'>, name: string): FilePlan {
  const title = cutText(oneLine(report.title) || name, MAX_TITLE);
  return { name, mediaType: MEDIA_TYPES[format], title, source: { is: 'report', format } };
}

/** Letters and digits of any script, joined by dashes: no folder, no option, no device of an old system, no control character. */
export function slug(text: string): string {
  const words = oneLine(text)
    .normalize('NFC')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\p{M}]+/gu, '-')
    .replace(/^[-\p{M}]+|-+$/gu, '');
  const cut = cutText(words, MAX_NAME + 1).replace(/[-…]+$/u, '');
  return cut === '' || /^(?:con|prn|aux|nul|com\d|lpt\d)$/.test(cut) ? `report-${cut}`.replace(/-$/, '') : cut;
}
