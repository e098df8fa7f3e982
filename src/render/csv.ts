/**
 * Tables for spreadsheets: RFC 4180 with a byte order mark, so that Excel reads UTF-8. A text that a spreadsheet would take for a formula
 * gets an apostrophe before it; numbers stay numbers, unformatted, and dates stay as they are in the report.
 */
import { createRequire } from 'node:module';
import type * as CsvStringify from 'csv-stringify/sync';
import type { Chart, Figure, TableSection } from '../store/report-sections.ts';
import type { Report } from '../store/report.ts';
import { describeDelta, oneLine, plainText } from './format.ts';
import { hrefOf } from './values.ts';

type Field = string | number | null;

const require = createRequire(import.meta.url);

/** All rows of a table; a column with links is followed by one with their addresses. */
export function tableCsv({ columns, rows }: TableSection): string {
  const linked = new Set(columns.filter(({ key }) => rows.some((row) => hrefOf(row[key]) !== undefined)));
  const header = columns.flatMap((column) => {
    const label = oneLine(column.label);
    return linked.has(column) ? [label, `${label} URL`] : [label];
  });
  const body = rows.map((row) =>
    columns.flatMap((column): Field[] => {
      const cell = row[column.key] ?? null;
      const text = typeof cell === 'object' && cell !== null ? cell.text : cell;
      return linked.has(column) ? [text, hrefOf(cell) ?? null] : [text];
    }),
  );
  return write([header, ...body]);
}

/** What a chart draws: a row a category, a column a series; nothing where there is no value. */
export function chartCsv(chart: Chart): string {
  if (chart.type === 'pie') {
    return write([
      ['Label', unitLabel('Value', chart.unit)],
      ...chart.segments.map(({ label, value }) => [label, value]),
    ]);
  }
  const header = [chart.xLabel ?? 'Category', ...chart.series.map(({ name }) => unitLabel(name, chart.unit))];
  const body = chart.categories.map((category, at) => [
    category,
    ...chart.series.map(({ values }): Field => values[at] ?? null),
  ]);
  return write([header, ...body]);
}

/** The report as CSV: a file a table; without tables a file a chart, else one of its figures, else what it says in one row. */
export function reportCsvs(report: Report): { name: string; content: string }[] {
  const tables = report.sections.flatMap((section) =>
    section.kind === 'table'
      ? [{ name: section.title ?? section.id ?? section.caption, content: tableCsv(section) }]
      : [],
  );
  if (tables.length > 0) return tables;
  const charts = report.sections.flatMap((section) =>
    section.kind === 'chart'
      ? [{ name: section.title ?? section.id ?? 'chart', content: chartCsv(section.chart) }]
      : [],
  );
  return charts.length > 0 ? charts : [{ name: 'report', content: factsCsv(report) }];
}

function factsCsv(report: Report): string {
  const figures = report.sections.flatMap((section) => (section.kind === 'figures' ? section.figures : []));
  if (figures.length === 0) {
    return write([
      ['Title', 'Status', 'Summary'],
      [report.title, report.status, report.summary],
    ]);
  }
  const rows = figures.map((figure): Field[] => [figure.label, figure.value, figure.display, changeOf(figure, report)]);
  return write([['Figure', 'Value', 'Shown as', 'Change'], ...rows]);
}

function changeOf({ delta }: Figure, { locale }: Report): string | null {
  return delta === undefined ? null : describeDelta(delta, locale).text;
}

function unitLabel(name: string, unit: string | undefined): string {
  return unit === undefined ? name : `${name} (${unit})`;
}

function write(rows: readonly Field[][]): string {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- `require` has no types; loaded with the first table, synchronously
  const { stringify } = require('csv-stringify/sync') as typeof CsvStringify;
  const clean = rows.map((row) => row.map((field) => (typeof field === 'string' ? plainText(field) : field)));
  return stringify(clean, { bom: true, record_delimiter: 'windows', escape_formulas: true });
}
