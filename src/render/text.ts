/** The report for terminals and the text part of mail: control characters removed, colour only from here, columns counted. */
import type { Figure, Section } from '../store/report-sections.ts';
import type { Report } from '../store/report.ts';
import { describeDelta, displayWidth, formatInstant, oneLine, padColumns, plainText, splitColumns } from './format.ts';
import type { Tone } from './format.ts';
import { sectionBlocks } from './markdown.ts';
import { plainBlocks } from './sections.ts';
import type { Block, Inline, Item } from './markdown.ts';

export interface TextOptions {
  /** Columns to wrap at, 20 or more. Addresses, code and narrow tables are not wrapped. */
  width: number;
  color: 'ansi' | 'none';
}

type Style = 'bold' | 'dim' | 'italic' | 'strike' | 'link' | Tone | 'warn';
const SGR: Record<Style, readonly [string, string] | undefined> = {
  bold: ['1', '22'],
  dim: ['2', '22'],
  italic: ['3', '23'],
  strike: ['9', '29'],
  link: ['4', '24'],
  good: ['32', '39'],
  bad: ['31', '39'],
  warn: ['33', '39'],
  neutral: undefined,
};

interface Pen {
  width: number;
  paint(text: string, ...styles: Style[]): string;
}

/** The report as text that ends with a newline. */
export function renderText(report: Report, options: TextOptions): string {
  const pen: Pen = {
    width: Math.max(20, options.width),
    paint: options.color === 'ansi' ? paintAnsi : (text) => text,
  };
  const lines = [
    ...heading(oneLine(report.title), '=', pen),
    ...(report.status === 'ok'
      ? []
      : [pen.paint(report.status === 'failed' ? 'FAILED' : 'INCOMPLETE', 'bold', 'warn')]),
    ...wrap([{ text: plainText(report.summary) }], pen),
    ...report.warnings.flatMap((warning) => [
      '',
      ...hang('! ', oneLine(warning), pen).map((line) => pen.paint(line, 'warn')),
    ]),
    ...report.sections.flatMap((section) => ['', ...sectionLines(section, report, pen)]),
    ...sourceLines(report, pen),
  ];
  return `${lines.map((line) => line.trimEnd()).join('\n')}\n`;
}

function paintAnsi(text: string, ...styles: Style[]): string {
  return styles.reduce((painted, style) => {
    const codes = SGR[style];
    return codes === undefined || painted === '' ? painted : `\u001b[${codes[0]}m${painted}\u001b[${codes[1]}m`;
  }, text);
}

function heading(title: string, rule: string, pen: Pen): string[] {
  const lines = wrap([{ text: title, bold: true }], pen);
  return [...lines, rule.repeat(Math.min(pen.width, displayWidth(title)))];
}

function sectionLines(section: Section, report: Report, pen: Pen): string[] {
  const title = section.title === undefined ? [] : heading(oneLine(section.title), '-', pen);
  switch (section.kind) {
    case 'markdown':
      return [...title, ...blockLines(sectionBlocks(section), pen)];
    case 'figures':
      return [...title, ...figureLines(section.figures, { report, pen })];
    case 'table':
    case 'chart':
    case 'actions':
      return [...title, ...blockLines(plainBlocks(section, report), pen)];
    default:
      return section satisfies never;
  }
}

/** Label, value and change in three columns; a change that does not fit goes to a line of its own. */
function figureLines(figures: readonly Figure[], context: { report: Report; pen: Pen }): string[] {
  const { report, pen } = context;
  const rows = figures.map((figure) => ({
    label: oneLine(figure.label),
    value: oneLine(figure.display),
    delta: figure.delta === undefined ? undefined : describeDelta(figure.delta, report.locale),
  }));
  const labels = Math.max(...rows.map((row) => displayWidth(row.label)));
  const values = Math.max(...rows.map((row) => displayWidth(row.value)));
  const narrow = labels + values + 2 > pen.width;
  return rows.flatMap(({ label, value, delta }) => {
    const head = narrow
      ? `${label}: ${pen.paint(value, 'bold')}`
      : `${padColumns(label, labels)}  ${pen.paint(padColumns(value, values, 'right'), 'bold')}`;
    if (delta === undefined) return [head];
    const change = pen.paint(oneLine(delta.text), delta.tone);
    const used = narrow ? pen.width : labels + values + 4 + displayWidth(delta.text);
    return used <= pen.width ? [`${head}  ${change}`] : [head, `  ${change}`];
  });
}

function sourceLines(report: Report, pen: Pen): string[] {
  const lines = report.sources.flatMap((source) => {
    const asOf = source.asOf === undefined ? '' : ` (as of ${formatInstant(source.asOf, report)})`;
    const link = source.url === undefined ? '' : ` <${source.url}>`;
    return hang('- ', `${oneLine(source.title)}${asOf}${link}`, pen);
  });
  const full = report.url === undefined ? [] : ['', `Full report: ${report.url}`];
  return [...(lines.length > 0 ? ['', ...heading('Sources', '-', pen), ...lines] : []), ...full];
}

function blockLines(blocks: readonly Block[], pen: Pen): string[] {
  return blocks.flatMap((block, index) => [...(index > 0 ? [''] : []), ...linesOf(block, pen)]);
}

function linesOf(block: Block, pen: Pen): string[] {
  switch (block.kind) {
    case 'heading':
      return wrap(
        block.inlines.map((inline) => ({ ...inline, bold: true as const })),
        pen,
      );
    case 'paragraph':
      return wrap(block.inlines, pen);
    case 'list':
      return block.items.flatMap((item, index) => {
        const lead = block.ordered ? `${block.start + index}. ` : '- ';
        return indent(itemLines(item, narrower(pen, lead.length)), lead);
      });
    case 'quote':
      return blockLines(block.blocks, narrower(pen, 2)).map((line) => `${pen.paint('|', 'dim')} ${line}`);
    case 'code':
      return block.text.split('\n').map((line) => `    ${line}`);
    case 'table':
      return tableLines(block, pen);
    case 'rule':
      return [pen.paint('-'.repeat(Math.min(pen.width, 40)), 'dim')];
    default:
      return block satisfies never;
  }
}

function itemLines(item: Item, pen: Pen): string[] {
  const mark = item.checked === undefined ? '' : item.checked ? '[x] ' : '[ ] ';
  const [first, ...rest] = item.blocks;
  const head = first?.kind === 'paragraph' ? wrap([{ text: mark }, ...first.inlines], pen) : [mark];
  const others = first === undefined || first.kind === 'paragraph' ? rest : item.blocks;
  return [...head, ...others.flatMap((block) => linesOf(block, pen))];
}

function indent(lines: readonly string[], lead: string): string[] {
  const space = ' '.repeat(lead.length);
  return lines.map((line, index) => (index === 0 ? lead : space) + line);
}

function hang(lead: string, text: string, pen: Pen): string[] {
  return indent(wrap([{ text }], narrower(pen, lead.length)), lead);
}

function narrower(pen: Pen, columns: number): Pen {
  return { ...pen, width: Math.max(20, pen.width - columns) };
}

/** Addresses of a table stand below it, so that they do not widen its columns. */
function tableLines(table: Extract<Block, { kind: 'table' }>, pen: Pen): string[] {
  const links: string[] = [];
  const rows = table.rows.map((row) => table.align.map((_, column) => cellText(row[column] ?? [], links)));
  const notes = links.map((href, index) => `[${index + 1}] ${href}`);
  const widths = table.align.map((_, column) => Math.max(1, ...rows.map((row) => displayWidth(row[column] ?? ''))));
  const total = widths.reduce((sum, width) => sum + width + 2, -2);
  if (total > pen.width) return [...recordLines(rows, pen), ...notes];
  const line = (row: readonly string[]): string =>
    row.map((cell, column) => padColumns(cell, widths[column] ?? 1, table.align[column] ?? 'left')).join('  ');
  const rule = widths.map((width) => '-'.repeat(width)).join('  ');
  const lines = rows.flatMap((row, index) => (index === 0 ? [pen.paint(line(row), 'bold'), rule] : [line(row)]));
  return [...lines, ...notes];
}

/** A table that is wider than the page: each row as a list item, each value with its column's name. */
function recordLines(rows: readonly (readonly string[])[], pen: Pen): string[] {
  const [header = [], ...body] = rows;
  if (body.length === 0) return wrap([{ text: header.join(' | ') }], pen);
  return body.flatMap((row) => {
    const cells = row.map((cell, column) => [header[column], cell].filter((part) => part).join(': '));
    const lines = cells.filter((cell) => cell !== '').flatMap((cell) => hang('', cell, narrower(pen, 2)));
    return indent(lines, '- ');
  });
}

function cellText(cell: readonly Inline[], links: string[]): string {
  const parts = cell.map((inline) => {
    if (inline.href === undefined || sameAddress(inline)) return inline.text;
    links.push(inline.href);
    return `${inline.text} [${links.length}]`;
  });
  return parts.join('').replace(/\n/g, ' ');
}

function sameAddress(inline: Inline): boolean {
  const bare = (url: string): string => url.replace(/^(?:https?:\/\/|mailto:)/, '').replace(/\/$/, '');
  return inline.href !== undefined && bare(inline.text) === bare(inline.href);
}

interface Word {
  text: string;
  styles: Style[];
  /** An address: never broken. */
  whole: boolean;
}

/** Wraps at word boundaries to the pen's width; words wider than a line are broken between graphemes, addresses are not. */
function wrap(inlines: readonly Inline[], pen: Pen): string[] {
  const lines: Word[][] = [];
  let line: Word[] = [];
  let used = 0;
  let gap: Word | undefined;
  const flush = (): void => {
    lines.push(line);
    line = [];
    used = 0;
    gap = undefined;
  };
  const put = (word: Word): void => {
    if (gap !== undefined) line.push(gap);
    line.push(word);
    used += displayWidth(word.text) + (gap === undefined ? 0 : 1);
    gap = undefined;
  };
  for (const word of words(inlines)) {
    if (word.text === '\n') flush();
    else if (word.text === ' ') gap = used > 0 ? word : undefined;
    else {
      if (used > 0 && used + (gap === undefined ? 0 : 1) + displayWidth(word.text) > pen.width) flush();
      for (const piece of word.whole ? [word] : broken(word, pen.width)) {
        if (used > 0 && used + displayWidth(piece.text) > pen.width) flush();
        put(piece);
      }
    }
  }
  if (line.length > 0 || lines.length === 0) flush();
  return lines.map((one) => paintLine(one, pen));
}

/** Paints runs of one style at once; a space between two words of one style belongs to both. */
function paintLine(line: readonly Word[], pen: Pen): string {
  const runs: Word[] = [];
  for (const word of line) {
    const last = runs.at(-1);
    if (last !== undefined && last.styles.join() === word.styles.join()) last.text += word.text;
    else runs.push({ ...word });
  }
  return runs.map((run) => pen.paint(run.text, ...run.styles)).join('');
}

function words(inlines: readonly Inline[]): Word[] {
  return inlines.flatMap((inline) => {
    const styles: Style[] = [];
    if (inline.bold) styles.push('bold');
    if (inline.italic) styles.push('italic');
    if (inline.strike) styles.push('strike');
    if (inline.href !== undefined) styles.push('link');
    const split = inline.text.split(/(\n|[ \t]+)/).filter((text) => text !== '');
    const list = split.map((text): Word => {
      if (text === '\n') return { text, styles: [], whole: true };
      return {
        text: /^[ \t]+$/.test(text) ? ' ' : text,
        styles,
        whole: /^(?:https?:\/\/|mailto:|<https?:)/.test(text),
      };
    });
    if (inline.href === undefined || sameAddress(inline)) return list;
    return [
      ...list,
      { text: ' ', styles: [], whole: true },
      { text: `<${inline.href}>`, styles: ['dim'], whole: true },
    ];
  });
}

function broken(word: Word, width: number): Word[] {
  return splitColumns(word.text, width).map((text) => ({ ...word, text }));
}
