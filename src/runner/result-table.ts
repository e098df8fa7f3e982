/** A list of flat objects, as a query or an API gives it, as the table of a report. */
import { MAX_COLUMNS, MAX_ROWS, type Column, type TableSection } from '../store/report-sections.ts';
import type { Json } from '../store/store.ts';
import { members } from './json.ts';

const MAX_CELL = 4_000;
const MAX_LABEL = 60;
const MAX_CELLS = 100_000;

type Value = string | number | boolean | null;

/**
 * Undefined for what is no such list: nothing in it, something nested, or more than a table holds. Columns are the members in the order
 * in which they come first; one of numbers only is a column of numbers.
 */
export function tableOf(list: readonly Json[], caption: string): TableSection | undefined {
  if (list.length === 0 || list.length > MAX_ROWS) return undefined;
  const rows: Record<string, Value>[] = [];
  const names = new Set<string>();
  for (const item of list) {
    const row = flat(item);
    if (row === undefined) return undefined;
    for (const name of Object.keys(row)) names.add(name);
    if (names.size > MAX_COLUMNS) return undefined;
    rows.push(row);
  }
  if (names.size === 0 || names.size * rows.length > MAX_CELLS) return undefined;
  // Keys of our own: a member may be called anything, also by nothing.
  const columns = [...names].map((name, at) => ({ name, column: columnOf(`c${at}`, name, rows) }));
  return {
    kind: 'table',
    priority: 'summary',
    caption,
    columns: columns.map(({ column }) => column),
    rows: rows.map((row) =>
      Object.fromEntries(columns.map(({ name, column }) => [column.key, cellOf(row[name], column)])),
    ),
    preview: 20,
  };
}

function flat(item: Json): Record<string, Value> | undefined {
  const object = members(item);
  if (object === undefined) return undefined;
  const pairs = Object.entries(object).flatMap(([name, value]): [string, Value][] =>
    isValue(value) ? [[name, value]] : [],
  );
  return pairs.length === Object.keys(object).length ? Object.fromEntries(pairs) : undefined;
}

function isValue(value: unknown): value is Value {
  if (typeof value === 'string') return value.length <= MAX_CELL;
  return value === null || typeof value === 'number' || typeof value === 'boolean';
}

function columnOf(key: string, name: string, rows: readonly Record<string, Value>[]): Column {
  const known = rows.flatMap((row) => row[name] ?? []);
  const isNumber = known.length > 0 && known.every((value) => typeof value === 'number');
  // Ids and years are numbers too, and are not written with a thousands separator.
  const isCode = /(?:^|_|[a-z])(?:id|year|code|zip)$/i.test(name);
  return {
    key,
    label: name.trim().slice(0, MAX_LABEL).toWellFormed() || '–',
    type: isNumber && !isCode ? 'number' : 'text',
  };
}

function cellOf(value: Value | undefined, { type }: Column): string | number | null {
  if (value === undefined || value === null) return null;
  return type === 'number' && typeof value === 'number' ? value : String(value);
}
