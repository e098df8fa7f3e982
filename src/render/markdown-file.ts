import type { Figure, Section } from '../store/report-sections.ts';
import type { Report } from '../store/report.ts';
import { describeDelta, formatInstant, oneLine, plainText } from './format.ts';
import type { Block, Inline } from './markdown.ts';
import { plainBlocks } from './sections.ts';
import { subjectLine } from './subject.ts';
import type { Subject } from './subject.ts';

/** The report as a markdown file; markdown sections stand in it as they were written. */
export function renderMarkdown(report: Report, about: Subject): string {
  const parts = [
    `# ${inline(report.title)}`,
    ...(report.status === 'ok' ? [] : [`**${report.status === 'failed' ? 'Failed' : 'Incomplete'}**`]),
    inline(report.summary),
    ...report.warnings.map((warning) => `> ⚠️ ${inline(warning)}`),
    ...report.sections.flatMap((section) => sectionParts(section, report)),
    ...(report.url === undefined ? [] : [`[Open the full report](<${report.url}>)`]),
    ...sourceParts(report),
    `---`,
    inline(subjectLine(about, report)),
  ];
  return `${parts.join('\n\n')}\n`;
}

function sectionParts(section: Section, report: Report): string[] {
  const title = section.title === undefined ? [] : [`## ${inline(section.title)}`];
  switch (section.kind) {
    case 'markdown':
      return [...title, plainText(section.markdown).trim()];
    case 'figures':
      return [...title, figureTable(section.figures, report.locale)];
    case 'table':
    case 'chart':
    case 'actions':
      return [...title, ...blocksToMarkdown(plainBlocks(section, report))];
    default:
      return section satisfies never;
  }
}

function figureTable(figures: readonly Figure[], locale: string): string {
  const rows = figures.map((figure) => {
    const delta = figure.delta === undefined ? '' : describeDelta(figure.delta, locale).text;
    return `| ${cell(figure.label)} | ${cell(figure.display)} | ${cell(delta)} |`;
  });
  return ['| | Value | Change |', '|---|---:|---|', ...rows].join('\n');
}

function blocksToMarkdown(blocks: readonly Block[]): string[] {
  return blocks.map((block) => {
    if (block.kind === 'paragraph') return inlines(block.inlines);
    if (block.kind === 'table') return tableText(block);
    if (block.kind !== 'list') return '';
    return block.items
      .map((item, at) => `${at + 1}. ${item.blocks.map((one) => blocksToMarkdown([one])[0] ?? '').join('\n')}`)
      .join('\n');
  });
}

function tableText({ align, rows }: Extract<Block, { kind: 'table' }>): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const [header = [], ...body] = rows.map((row) => row.map((one) => inlines(one).replace(/\|/g, '\\|')));
  const rule = align.map((side) => (side === 'right' ? '---:' : side === 'center' ? ':---:' : '---'));
  return [line(header), line(rule), ...body.map(line)].join('\n');
}

function inlines(list: readonly Inline[]): string {
  return list
    .map(({ text, bold, href }) => {
      const shown = bold ? `**${inline(text)}**` : inline(text);
      return href === undefined ? shown : `[${shown}](<${href}>)`;
    })
    .join(' ');
}

function sourceParts(report: Report): string[] {
  if (report.sources.length === 0) return [];
  const items = report.sources.map((source) => {
    const asOf = source.asOf === undefined ? '' : ` (as of ${formatInstant(source.asOf, report)})`;
    return source.url === undefined
      ? `- ${inline(source.title)}${asOf}`
      : `- [${inline(source.title)}](<${source.url}>)${asOf}`;
  });
  return ['## Sources', items.join('\n')];
}

/** One line in which nothing is taken for markup. */
function inline(text: string): string {
  return oneLine(text).replace(/[\\`*_[\]<>#]/g, '\\$&');
}

function cell(text: string): string {
  return inline(text).replace(/\|/g, '\\|');
}
