/** Tables in columns counted by what is seen. One that is too wide wraps its words, then leaves columns out or becomes records. */
import type { TableSection } from '../../store/report-sections.ts';
import type { Report } from '../../store/report.ts';
import { displayWidth, oneLine, padColumns, widest } from '../format.ts';
import type { Align, Block, Inline } from '../markdown.ts';
import { rowsNote } from '../sections.ts';
import { alignOf, formatCell, hrefOf } from '../values.ts';
import { hang, indent, narrower, saysAddress, span, wrap, writtenUrl } from './pen.ts';
import type { Line, Pen, Span } from './pen.ts';

interface Cell {
  text: string;
  href?: string;
}

/** What is drawn: `body` may lack cells at the end of a row. */
export interface Grid {
  header: Cell[];
  body: Cell[][];
  align: readonly Align[];
  /** Columns of words, whose cells may take several lines. */
  wraps: readonly boolean[];
}

const GAP = 2;
/** A row of more columns is no record that anybody reads. */
const MAX_RECORD_COLUMNS = 12;

/** The caption, how much of it is shown, and the table. */
export function tableSectionLines(section: TableSection, place: Report, pen: Pen): Line[] {
  const { columns, rows } = section;
  const caption: Inline = { text: oneLine(section.caption), italic: true };
  if (rows.length === 0) return wrap([caption, { text: ': no rows' }], pen);
  const shown = rows.slice(0, pen.rows === 'all' ? pen.cut?.rows : section.preview);
  const notes: string[] = [];
  const grid: Grid = {
    header: columns.map(({ label }) => ({ text: oneLine(label) })),
    body: shown.map((row) => columns.map((column) => cellOf(row[column.key], column))),
    align: columns.map(alignOf),
    wraps: columns.map(({ type }) => type === 'text' || type === 'link'),
  };
  const { lines, columnsShown } = gridLines(grid, pen);
  const some = rowsNote(shown.length, rows.length);
  if (some !== undefined) notes.push(some);
  if (columnsShown < columns.length) notes.push(`${columnsShown} of ${columns.length} columns`);
  if (some !== undefined && pen.cut !== undefined) notes.push(`all of them are in ${pen.cut.file}`);
  const said = notes.length === 0 ? [caption] : [caption, { text: ` (${notes.join(', ')})` }];
  return [...wrap(said, pen), ...lines];

  function cellOf(cell: Parameters<typeof hrefOf>[0], column: TableSection['columns'][number]): Cell {
    const href = hrefOf(cell);
    return { text: formatCell(cell, column, place), ...(href === undefined ? {} : { href }) };
  }
}

/** A table of a markdown section; its first row is the header. */
export function markdownTableLines(table: Extract<Block, { kind: 'table' }>, pen: Pen): Line[] {
  const [header = [], ...body] = table.rows.map((row) => table.align.map((_, at) => markdownCell(row[at] ?? [])));
  return gridLines({ header, body, align: table.align, wraps: table.align.map(() => true) }, { ...pen, rows: 'all' })
    .lines;
}

/** One link a cell is enough for a footnote; more are written out behind their words. */
function markdownCell(inlines: readonly Inline[]): Cell {
  const links = inlines.flatMap(({ href }) => href ?? []);
  const [href] = links;
  const flat = (text: string): string => text.replaceAll('\n', ' ');
  if (links.length < 2) {
    return { text: flat(inlines.map(({ text }) => text).join('')), ...(href === undefined ? {} : { href }) };
  }
  const parts = inlines.map((one) => {
    const { text } = one;
    if (one.href === undefined || saysAddress({ text, href: one.href })) return text;
    return `${text} <${writtenUrl(one.href)}>`;
  });
  return { text: flat(parts.join('')) };
}

/** The grid in at most `pen.width` columns, addresses as footnotes where they cannot be clicked. */
export function gridLines(grid: Grid, pen: Pen): { lines: Line[]; columnsShown: number } {
  const links: string[] = [];
  const noted: Grid = { ...grid, body: grid.body.map((row) => row.map((cell) => withFootnote(cell, { links, pen }))) };
  const all = grid.header.length;
  const columns = measure(noted);
  const widths = fittingWidths(columns, pen.width);
  if (widths !== undefined) return { lines: [...ruled(noted, widths), ...footnotes(links)], columnsShown: all };
  const some = pen.rows === 'all' || all <= MAX_RECORD_COLUMNS ? 0 : columnsThatFit(columns, pen.width);
  if (some < 2) return { lines: [...records(noted, pen), ...footnotes(links)], columnsShown: all };
  const first: Grid = { ...grid, header: grid.header.slice(0, some), body: grid.body.map((row) => row.slice(0, some)) };
  return { lines: gridLines(first, { ...pen, rows: 'all' }).lines, columnsShown: some };
}

function withFootnote(cell: Cell, to: { links: string[]; pen: Pen }): Cell {
  if (cell.href === undefined || to.pen.links === 'osc8') return cell;
  if (saysAddress({ text: cell.text, href: cell.href })) return { text: cell.text };
  to.links.push(writtenUrl(cell.href));
  // A no-break space: the mark stays with the last word.
  return { text: `${cell.text}\u00a0[${to.links.length}]` };
}

function footnotes(links: readonly string[]): Line[] {
  return links.map((href, at) => [span(`[${at + 1}] `), span(href, 'dim')]);
}

/** The columns of one grid, each measured once: as wide as its widest cell, and as narrow as its longest word lets it be. */
interface Measured {
  natural: number;
  least: number;
}

function measure(grid: Grid): Measured[] {
  return grid.header.map((head, at) => {
    let natural = Math.max(1, displayWidth(head.text));
    let least = Math.max(1, longestWord(head.text));
    const wraps = grid.wraps[at] === true;
    for (const row of grid.body) {
      const text = row[at]?.text ?? '';
      const width = displayWidth(text);
      if (width > natural) natural = width;
      // A word is no wider than its text.
      if (width > least) least = Math.max(least, wraps ? longestWord(text) : width);
    }
    return { natural, least };
  });
}

function longestWord(text: string): number {
  return widest(text.split(/[ \t]+/));
}

/** The widths of the columns, those of words narrowed as far as their longest word; undefined when that is not enough. */
function fittingWidths(columns: readonly Measured[], width: number): number[] | undefined {
  const room = width - GAP * (columns.length - 1);
  // More than the page at once, so that the loop below is short.
  const widths = columns.map(({ natural }) => Math.min(natural, room));
  let total = widths.reduce((sum, one) => sum + one, 0);
  if (columns.reduce((sum, { least }) => sum + least, 0) > room) return undefined;
  while (total > room) {
    const spare = widths.map((one, at) => (one > (columns[at]?.least ?? 1) ? one : 0));
    const most = spare.indexOf(Math.max(...spare));
    widths[most] = (widths[most] ?? 1) - 1;
    total -= 1;
  }
  return widths;
}

function columnsThatFit(columns: readonly Measured[], width: number): number {
  let used = -GAP;
  for (const [at, { natural }] of columns.entries()) {
    used += GAP + natural;
    if (used > width) return at;
  }
  return columns.length;
}

function ruled(grid: Grid, widths: readonly number[]): Line[] {
  const row = (cells: readonly Cell[], part: 'head' | 'body'): Line[] => rowLines(cells, { grid, widths, part });
  const rule = widths.map((width) => '-'.repeat(width)).join(' '.repeat(GAP));
  return [...row(grid.header, 'head'), [span(rule)], ...grid.body.flatMap((cells) => row(cells, 'body'))];
}

/** A row takes as many lines as its highest cell. */
function rowLines(
  cells: readonly Cell[],
  about: { grid: Grid; widths: readonly number[]; part: 'head' | 'body' },
): Line[] {
  const { grid, widths, part } = about;
  const parts = widths.map((width, at) => piecesOf(cells[at]?.text ?? '', width));
  const height = Math.max(1, ...parts.map((lines) => lines.length));
  return Array.from({ length: height }, (_, line) =>
    widths.flatMap((width, at): Span[] => {
      const padded = padColumns(parts[at]?.[line] ?? '', width, grid.align[at] ?? 'left');
      const text = padded.trim();
      const [before = '', after = ''] = text === '' ? [padded] : padded.split(text, 2);
      const href = cells[at]?.href;
      const shown: Span = {
        text,
        ...(part === 'head' ? { styles: ['bold'] } : href === undefined ? {} : { styles: ['link'], href }),
      };
      return [span(at === 0 ? before : ' '.repeat(GAP) + before), shown, span(after)];
    }),
  );
}

function piecesOf(text: string, width: number): string[] {
  if (displayWidth(text) <= width) return [text];
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/[ \t]+/)) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (line !== '' && displayWidth(longer) > width) {
      lines.push(line);
      line = word;
    } else line = longer;
  }
  return [...lines, line];
}

/** A table that is wider than the page: each row as a list item, each value with its column's name. */
function records({ header, body }: Grid, pen: Pen): Line[] {
  if (body.length === 0) return wrap([{ text: header.map(({ text }) => text).join(' | ') }], pen);
  return body.flatMap((row) => {
    const lines = row.flatMap(({ text, href }, at) => {
      const name = header[at]?.text ?? '';
      if (text === '') return [];
      const value: Inline = pen.links === 'osc8' && href !== undefined ? { text, href } : { text };
      return hang(span(''), [{ text: name === '' ? '' : `${name}: ` }, value], narrower(pen, GAP));
    });
    return lines.length === 0 ? [] : indent(lines, span('- '));
  });
}
