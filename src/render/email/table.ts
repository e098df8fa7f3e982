/** Tables of data: header cells with a scope, numbers to the right with figures of one width, and no more columns than fit. */
import type { Column, TableSection } from '../../store/report-sections.ts';
import type { Report } from '../../store/report.ts';
import { cutText, displayWidth, escapeHtml, oneLine } from '../format.ts';
import type { Align } from '../markdown.ts';
import { alignOf, formatCell, hrefOf } from '../values.ts';
import { PALETTE } from './palette.ts';

const C = PALETTE.light;
/** Is broken where the cell ends; shorter words keep their column as wide as they are. */
const LONG_WORD = /[^\s]{25}/;

interface DataTable {
  /** Text. */
  caption?: string;
  align: readonly Align[];
  /** Markup; empty where the table has no header. */
  head: readonly string[];
  /** Markup. The first cell of a row names it. */
  rows: readonly (readonly string[])[];
}

export function dataTable({ caption, align, head, rows }: DataTable): string {
  const title =
    caption === undefined
      ? ''
      : `<caption dir="auto" class="muted" style="padding:0 0 6px;caption-side:top;text-align:left;text-align:start;font-size:13px;line-height:1.45;color:${C.muted}">${escapeHtml(oneLine(caption))}</caption>`;
  const styles = align.map((_, column) => cellStyle(align, column));
  const headCells = head.map(
    (html, column) =>
      `<th scope="col" dir="auto" align="${align[column] ?? 'left'}" valign="bottom" class="cell muted rule" style="${styles[column]};border-bottom:1px solid ${C.rule};font-size:12px;line-height:1.35;font-weight:600;color:${C.muted}">${html}</th>`,
  );
  const thead = head.length === 0 ? '' : `<thead><tr>${headCells.join('')}</tr></thead>`;
  const edge = `;border-bottom:1px solid ${C.line}`;
  const cell = (html: string, column: number): string => {
    const style = `style="${styles[column]}${edge}${LONG_WORD.test(html.replace(/<[^>]*>/g, '')) ? ';overflow-wrap:anywhere' : ''}`;
    if (column === 0 && head.length > 0) {
      return `<th scope="row" dir="auto" align="${align[0] ?? 'left'}" class="cell line" ${style};font-weight:400">${html}</th>`;
    }
    return align[column] === 'right'
      ? `<td align="right" class="cell line" ${style};white-space:nowrap">${html}</td>`
      : `<td dir="auto"${align[column] === 'center' ? ' align="center"' : ''} class="cell line" ${style}">${html}</td>`;
  };
  const body = rows.map((row) => `<tr>${row.map(cell).join('')}</tr>`).join('');
  return `<div class="wide" style="margin:0 0 16px"><table class="ink" width="100%" cellpadding="0" cellspacing="0" border="0" style="border-collapse:collapse;overflow-wrap:break-word;font-size:14px;line-height:1.4;color:${C.ink};font-variant-numeric:tabular-nums">${title}${thead}<tbody>${body}</tbody></table></div>`;
}

/** The outer edges of a table are flush with the text around it. */
function cellStyle(align: readonly Align[], column: number): string {
  const left = column === 0 ? 0 : 7;
  const right = column === align.length - 1 ? 0 : 7;
  return `padding:9px ${right}px 9px ${left}px`;
}

/** How much of a table a mail has room for: pixels across, characters in a cell. */
const WIDTH = 576;
const CELL_CHARS = 160;
const MAX_COLUMNS = 10;
/** Of the font at 14 px, and of the padding beside it. */
const CHAR_PX = 7.3;
const PADDING_PX = 14;
const LONGEST_WORD = 18;

export interface TableView {
  /** Rows that are shown at most. */
  rows: number;
  columns: number;
  /** Whether a text is longer than its cell may be. */
  cut: boolean;
  html(rows: number): string;
}

/** The table as a page shows it: all of it. */
export function wholeTable(section: TableSection, place: Pick<Report, 'locale' | 'timeZone'>): TableView {
  const { rows, columns } = section;
  const limits = { columns: columns.length, chars: Number.POSITIVE_INFINITY };
  return view(section, { rows: rows.length, ...limits, place });
}

/** The table as a mail shows it: its preview rows, the columns that fit, and texts of a length that leaves it a table. */
export function mailTable(section: TableSection, place: Pick<Report, 'locale' | 'timeZone'>): TableView {
  const rows = Math.min(section.preview, section.rows.length);
  const shown = section.rows.slice(0, rows);
  let columns = 0;
  let used = 0;
  for (const column of section.columns.slice(0, MAX_COLUMNS)) {
    const texts = shown.map((row) => formatCell(row[column.key], column, place));
    used += leastWidth(column, texts);
    if (columns > 0 && used > WIDTH) break;
    columns += 1;
  }
  return view(section, { rows, columns, chars: CELL_CHARS, place });
}

function view(
  section: TableSection,
  limits: { rows: number; columns: number; chars: number; place: Pick<Report, 'locale' | 'timeZone'> },
): TableView {
  const columns = section.columns.slice(0, limits.columns);
  const align = columns.map(alignOf);
  let cut = false;
  const cells = section.rows.slice(0, limits.rows).map((row) =>
    columns.map((column) => {
      const cell = row[column.key];
      const text = formatCell(cell, column, limits.place);
      if (text.length > limits.chars) cut = true;
      return cellHtml(cutText(text, limits.chars), hrefOf(cell));
    }),
  );
  const head = columns.map(({ label }) => escapeHtml(oneLine(label)));
  return {
    rows: limits.rows,
    columns: columns.length,
    cut,
    html: (rows) => dataTable({ caption: section.caption, align, head, rows: cells.slice(0, rows) }),
  };
}

function cellHtml(text: string, href: string | undefined): string {
  if (href === undefined) return escapeHtml(text);
  return `<a class="link" href="${escapeHtml(href)}" style="color:${C.link}">${escapeHtml(text)}</a>`;
}

/** Pixels below which the column would break its words; numbers are not broken at all. */
function leastWidth(column: Column, texts: readonly string[]): number {
  const word = (text: string): number => Math.max(0, ...text.split(/\s+/).map(displayWidth));
  const widest = (lengths: readonly number[]): number => Math.max(0, ...lengths);
  const inCells =
    alignOf(column) === 'right'
      ? widest(texts.map(displayWidth))
      : Math.min(
          LONGEST_WORD,
          widest(texts.map((text) => Math.max(word(text), Math.min(LONGEST_WORD - 4, displayWidth(text))))),
        );
  return Math.max(3, Math.min(LONGEST_WORD, word(oneLine(column.label))), inCells) * CHAR_PX + PADDING_PX;
}
