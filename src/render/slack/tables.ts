/** Tables that Slack draws itself: sorted, filtered and paged by who reads them. */
import type { DataTableBlock } from '@slack/types';
import type { Cell, Column, TableSection } from '../../store/report-sections.ts';
import type { Report } from '../../store/report.ts';
import { cutText, oneLine } from '../format.ts';
import { rowsNote } from '../sections.ts';
import { formatCell, hrefOf } from '../values.ts';
import { countChars } from './chars.ts';
import { SLACK_LIMITS } from './limits.ts';

type Place = Pick<Report, 'locale' | 'timeZone'>;
type NativeCell = DataTableBlock['rows'][number][number];

/** O: a longer cell makes a column that nobody reads. */
const CELL_CHARS = 300;
/** O: what a table takes of the 10,000 characters of its message. */
const TABLE_CHARS = 6_000;
const ROWS_A_PAGE = 10;

export interface NativeTable {
  block: DataTableBlock;
  /** `8 of 240 rows`, `20 of 216 columns`: what is not shown; empty when all of it is. */
  omitted: string[];
}

/** The table as Slack draws it, as much of it as fits; undefined when it has no rows, which Slack refuses. */
export function nativeTable(section: TableSection, place: Place): NativeTable | undefined {
  const { columns, width } = fittingColumns(section, place);
  const most = Math.min(section.preview, SLACK_LIMITS.dataTableRows);
  const header = headerOf(columns);
  const rows: NativeCell[][] = [];
  let chars = countChars(header);
  for (const row of section.rows.slice(0, most)) {
    const cells = columns.map((column) => toCell(row[column.key], column, place));
    chars += countChars(cells);
    if (rows.length > 0 && chars > TABLE_CHARS) break;
    rows.push(cells);
  }
  if (rows.length === 0) return undefined;
  const shown = section.rows.slice(0, rows.length);
  const block: DataTableBlock = {
    type: 'data_table',
    caption: oneLine(section.caption) || 'Table',
    page_size: Math.min(ROWS_A_PAGE, rows.length),
    row_header_column_index: Math.max(0, columns.findIndex(isName)),
    rows: [header, ...rows],
  };
  const omitted = [
    rowsNote(rows.length, section.rows.length),
    columnsNote(columns.length, width),
    shown.some((row) => columns.some(({ key }) => isLong(row[key]))) ? 'long values are cut' : undefined,
  ];
  return { block, omitted: omitted.filter((note) => note !== undefined) };
}

/** `20 of 216 columns`; undefined when all are shown. */
export function columnsNote(shown: number, total: number): string | undefined {
  return shown >= total ? undefined : `${shown} of ${total} columns`;
}

/** The first columns, as many as Slack takes and as let one row fit. */
function fittingColumns(section: TableSection, place: Place): { columns: Column[]; width: number } {
  let columns = section.columns.slice(0, SLACK_LIMITS.dataTableColumns);
  const [first = {}] = section.rows;
  const size = (): number =>
    countChars(headerOf(columns)) + countChars(columns.map((column) => toCell(first[column.key], column, place)));
  while (columns.length > 1 && size() > TABLE_CHARS) columns = columns.slice(0, -1);
  return { columns, width: section.columns.length };
}

function isLong(cell: Cell | undefined): boolean {
  const text = typeof cell === 'object' ? cell?.text : cell;
  return typeof text === 'string' && oneLine(text).length > CELL_CHARS;
}

function isName({ type }: Column): boolean {
  return type === 'text' || type === 'link';
}

function headerOf(columns: readonly Column[]): NativeCell[] {
  return columns.map(({ label }) => ({ type: 'raw_text', text: oneLine(label) || '–' }));
}

/** Numbers keep their value beside their text, so that they are sorted as numbers. */
function toCell(cell: Cell | undefined, column: Column, place: Place): NativeCell {
  const text = cutText(formatCell(cell, column, place), CELL_CHARS);
  const href = hrefOf(cell);
  if (href !== undefined) {
    const link = { type: 'link' as const, url: href, text };
    return { type: 'rich_text', elements: [{ type: 'rich_text_section', elements: [link] }] };
  }
  return typeof cell === 'number' && Number.isFinite(cell)
    ? { type: 'raw_number', value: cell, text }
    : { type: 'raw_text', text };
}
