/** The report as a markdown file, whole. */
import type { Cell, ChartSection, Column, Figure, Section, TableSection } from '../store/report-sections.ts';
import type { Report } from '../store/report.ts';
import { costLine, describeAttachment } from './facts.ts';
import { describeDelta, formatInstant, plainText } from './format.ts';
import { blocksToMarkdown, escapeCell, escapeInline, linkTo } from './markdown-text.ts';
import { sectionBlocks } from './markdown.ts';
import type { Align } from './markdown.ts';
import { periodBeside, subjectLine } from './subject.ts';
import type { Subject } from './subject.ts';
import { alignOf, axisNote, chartRows, formatCell, hrefOf } from './values.ts';

/** GitHub's markdown: tables, links and lists that any viewer knows; raw HTML of a job is text, its images are links. */
export function renderMarkdown(report: Report, about: Subject): string {
  const parts = [
    `# ${escapeInline(report.title)}`,
    ...(periodBeside(report) === '' ? [] : [`*${escapeInline(periodBeside(report))}*`]),
    ...(report.status === 'ok' ? [] : [`**${report.status === 'failed' ? 'Failed' : 'Incomplete'}**`]),
    paragraphs(report.summary),
    ...report.warnings.map((warning) => `> ⚠️ ${escapeInline(warning)}`),
    ...report.sections.flatMap((section) => [
      ...(section.title === undefined ? [] : [`## ${escapeInline(section.title)}`]),
      ...bodyOf(section, report),
    ]),
    ...listed(
      'Files',
      (report.attachments ?? []).map((one) => escapeInline(describeAttachment(one))),
    ),
    ...listed(
      'Sources',
      report.sources.map((source) => sourceOf(source, report)),
    ),
    ...(report.url === undefined ? [] : [linkTo('Open the full report', report.url)]),
    '---',
    footer(report, about),
  ];
  return `${parts.join('\n\n')}\n`;
}

function paragraphs(text: string): string {
  const lines = plainText(text).split('\n');
  return lines.map(escapeInline).filter(Boolean).join('\\\n');
}

function listed(title: string, items: readonly string[]): string[] {
  return items.length === 0 ? [] : [`## ${title}`, items.map((item) => `- ${item}`).join('\n')];
}

function sourceOf(source: Report['sources'][number], report: Report): string {
  const asOf = source.asOf === undefined ? '' : ` (as of ${formatInstant(source.asOf, report)})`;
  const title = source.url === undefined ? escapeInline(source.title) : linkTo(source.title, source.url);
  return title + asOf;
}

/** What it speaks of, who made it and what it cost. */
function footer(report: Report, about: Subject): string {
  const { period } = report;
  const cost = costLine(report, about);
  const lines = [
    ...(period === undefined ? [] : [`Period: ${period.from} to ${period.to}`]),
    ...(cost === undefined ? [] : [`Cost: ${escapeInline(cost)}`]),
    escapeInline(subjectLine(about, report)),
  ];
  return lines.join('\\\n');
}

function bodyOf(section: Section, report: Report): string[] {
  switch (section.kind) {
    case 'markdown':
      return [blocksToMarkdown(sectionBlocks(section))];
    case 'figures':
      return [figureTable(section.figures, report.locale)];
    case 'table':
      return tableParts(section, report);
    case 'chart':
      return chartParts(section, report.locale);
    case 'actions':
      return [actionList(section.items)];
    default:
      return section satisfies never;
  }
}

function figureTable(figures: readonly Figure[], locale: string): string {
  const rows = figures.map(({ label, display, delta }) => {
    const change = delta === undefined ? '' : describeDelta(delta, locale).text;
    return [label, display, change].map(escapeCell);
  });
  return table(['', 'Value', 'Change'], rows, ['left', 'right', 'left']);
}

function tableParts(section: TableSection, report: Report): string[] {
  const { columns, rows, caption } = section;
  const lead = `*${escapeInline(caption)}*`;
  if (rows.length === 0) return [`${lead}: no rows`];
  const shown = (cell: Cell | undefined, column: Column): string => {
    const text = formatCell(cell, column, report);
    const href = hrefOf(cell);
    return href === undefined ? escapeCell(text) : linkTo(text, href).replace(/\|/g, '\\|');
  };
  const body = rows.map((row) => columns.map((column) => shown(row[column.key], column)));
  return [
    lead,
    table(
      columns.map(({ label }) => escapeCell(label)),
      body,
      columns.map(alignOf),
    ),
  ];
}

function chartParts({ alt, chart }: ChartSection, locale: string): string[] {
  const [header = [], ...rows] = chartRows(chart, locale).map((row) => row.map(escapeCell));
  const axes = axisNote(chart);
  return [
    escapeInline(alt),
    ...(axes === undefined ? [] : [`*${escapeInline(axes)}*`]),
    table(
      header,
      rows,
      header.map((_, at) => (at === 0 ? 'left' : 'right')),
    ),
  ];
}

function actionList(items: Extract<Section, { kind: 'actions' }>['items']): string {
  const lines = items.map(({ title, href, impact, why }, at) => {
    const lead = `${at + 1}. `;
    const name = href === undefined ? `**${escapeInline(title)}**` : `**${linkTo(title, href)}**`;
    const worth = impact === undefined ? '' : ` · ${escapeInline(impact)}`;
    const reason = why === undefined ? '' : `\\\n${' '.repeat(lead.length)}${escapeInline(why)}`;
    return `${lead}${name}${worth}${reason}`;
  });
  return lines.join('\n');
}

function table(header: readonly string[], rows: readonly (readonly string[])[], align: readonly Align[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const rule = align.map((side) => (side === 'right' ? '---:' : side === 'center' ? ':---:' : '---'));
  return [line(header), line(rule), ...rows.map(line)].join('\n');
}
