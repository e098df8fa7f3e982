/** The report for terminals, files and the text part of mail: control characters removed, colour only from here, columns counted. */
import type { Section } from '../store/report-sections.ts';
import type { Report } from '../store/report.ts';
import { costLine, describeAttachment, describeCost } from './facts.ts';
import { formatInstant, oneLine, plainText } from './format.ts';
import { sectionBlocks } from './markdown.ts';
import { periodBeside } from './subject.ts';
import type { Subject } from './subject.ts';
import { blockLines } from './text/blocks.ts';
import { chartLines } from './text/charts.ts';
import { actionLines, figureLines } from './text/figures.ts';
import { hang, heading, print, span, wrap, writtenUrl } from './text/pen.ts';
import type { Line, Pen } from './text/pen.ts';
import { tableSectionLines } from './text/table.ts';

export interface TextOptions {
  /** Columns, 20 or more. Addresses, code and the rows of tables may be longer. */
  width: number;
  color: 'ansi' | 'none';
  /** `osc8`: links to click, for terminals that know them. Default: addresses are written. */
  links?: 'osc8' | 'written';
  /** `preview`: as many rows of a table as it asks for, and charts in short, which is said. Default: all of it. */
  rows?: 'preview' | 'all';
  /** With `all`: the section at this index is a table that ends after so many rows, and which file has all of them. */
  cut?: (section: number) => { rows: number; file: string } | undefined;
  /** What it is about; its run may know better than the report what it cost. */
  about?: Subject;
}

/** The report as text that ends with a newline. */
export function renderText(report: Report, options: TextOptions): string {
  const { color, links = 'written', rows = 'all' } = options;
  const pen: Pen = { width: Math.max(20, options.width), color, links, rows };
  const beside = periodBeside(report);
  const lines = [
    ...heading(oneLine(report.title), '=', pen),
    ...(beside === '' ? [] : wrap([{ text: beside, italic: true }], pen)),
    ...statusLines(report),
    ...wrap([{ text: plainText(report.summary) }], pen),
    ...report.warnings.flatMap((warning) => [[], ...warningLines(warning, pen)]),
    ...report.sections.flatMap((section, at) => {
      const cut = options.cut?.(at);
      return [[], ...sectionLines(section, report, cut === undefined ? pen : { ...pen, cut })];
    }),
    ...closingLines(report, { pen, about: options.about }),
  ];
  return `${lines.map((line) => print(line, pen)).join('\n')}\n`;
}

function statusLines({ status }: Report): Line[] {
  return status === 'ok' ? [] : [[span(status === 'failed' ? 'FAILED' : 'INCOMPLETE', 'bold', 'warn')]];
}

function warningLines(warning: string, pen: Pen): Line[] {
  const lines = hang(span('! '), [{ text: oneLine(warning) }], pen);
  return lines.map((line) => line.map((one) => ({ ...one, styles: ['warn' as const] })));
}

function sectionLines(section: Section, report: Report, pen: Pen): Line[] {
  const title = section.title === undefined ? [] : heading(oneLine(section.title), '-', pen);
  return [...title, ...bodyLines(section, report, pen)];
}

function bodyLines(section: Section, report: Report, pen: Pen): Line[] {
  switch (section.kind) {
    case 'markdown':
      return blockLines(sectionBlocks(section), pen);
    case 'figures':
      return figureLines(section.figures, { locale: report.locale, pen });
    case 'table':
      return tableSectionLines(section, report, pen);
    case 'chart':
      return chartLines(section, { locale: report.locale, pen });
    case 'actions':
      return actionLines(section.items, pen);
    default:
      return section satisfies never;
  }
}

/** What stands below the sections: files, sources, the whole report elsewhere, what it cost. */
function closingLines(report: Report, { pen, about }: { pen: Pen; about: Subject | undefined }): Line[] {
  const files = (report.attachments ?? []).flatMap((one) => hang(span('- '), [{ text: describeAttachment(one) }], pen));
  const sources = report.sources.flatMap((source) => {
    const asOf = source.asOf === undefined ? '' : ` (as of ${formatInstant(source.asOf, report)})`;
    const title = { text: oneLine(source.title) };
    return hang(span('- '), [source.url === undefined ? title : { ...title, href: source.url }, { text: asOf }], pen);
  });
  const url = report.url === undefined ? undefined : writtenUrl(report.url);
  const cost = about === undefined ? describeCost(report) : costLine(report, about);
  const last: Line[] = [
    ...(url === undefined ? [] : wrap([{ text: 'Full report: ' }, { text: url, href: url }], pen)),
    ...(cost === undefined ? [] : wrap([{ text: `Cost: ${cost}` }], pen)),
  ];
  return [
    ...titled('Files', files, pen),
    ...titled('Sources', sources, pen),
    ...(last.length === 0 ? [] : [[], ...last]),
  ];
}

function titled(title: string, lines: readonly Line[], pen: Pen): Line[] {
  return lines.length === 0 ? [] : [[], ...heading(title, '-', pen), ...lines];
}
