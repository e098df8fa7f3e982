/** The limits of tables and charts. */
import { countChars } from './chars.ts';
import { checkLength, checkList, fieldsOf } from './check-fields.ts';
import type { Fields, Report } from './check-fields.ts';
import { SLACK_LIMITS } from './limits.ts';

export function checkTable(block: Fields, at: string, report: Report): void {
  checkRows(block, { at, rows: SLACK_LIMITS.tableRows, columns: SLACK_LIMITS.tableColumns }, report);
  if (countChars(block) > SLACK_LIMITS.tableChars)
    report(at, `more than ${SLACK_LIMITS.tableChars} characters in all cells`);
}

export function checkDataTable(block: Fields, at: string, report: Report): void {
  checkLength({ value: block['caption'], max: SLACK_LIMITS.caption, at: `${at}/caption` }, report);
  const most = { rows: SLACK_LIMITS.dataTableRows, columns: SLACK_LIMITS.dataTableColumns };
  const rows = checkRows(block, { at, ...most }, report);
  if (rows.length < 2) report(`${at}/rows`, 'must have a header and one row or more');
  rows.forEach((row, r) => row.forEach((cell, c) => checkCell(cell, { at: `${at}/rows/${r}/${c}`, row: r }, report)));
  checkWhole(block['page_size'], { at: `${at}/page_size`, min: 1, max: SLACK_LIMITS.dataTablePage }, report);
  const last = Math.max(0, (rows[0]?.length ?? 0) - 1);
  checkWhole(block['row_header_column_index'], { at: `${at}/row_header_column_index`, min: 0, max: last }, report);
}

function checkCell(cell: Fields, place: { at: string; row: number }, report: Report): void {
  const { type, text, value } = cell;
  if (type === 'rich_text') {
    if (place.row === 0) report(place.at, 'a header cell must not be rich text');
    if (countChars(cell) === 0) report(place.at, 'must not be empty');
    return;
  }
  if (type !== 'raw_text' && type !== 'raw_number') return report(place.at, `unsupported type: ${String(type)}`);
  checkLength({ value: text, max: SLACK_LIMITS.dataTableChars, at: `${place.at}/text` }, report);
  if (type === 'raw_number' && !Number.isFinite(value)) report(`${place.at}/value`, 'must be a finite number');
}

function checkRows(block: Fields, rule: { at: string; rows: number; columns: number }, report: Report): Fields[][] {
  const list: unknown[] = Array.isArray(block['rows']) ? block['rows'] : [];
  if (list.length < 1 || list.length > rule.rows + 1) report(`${rule.at}/rows`, `must have 1 to ${rule.rows} rows`);
  const rows = list.map((row) => (Array.isArray(row) ? row.map(fieldsOf) : []));
  const width = rows[0]?.length ?? 0;
  rows.forEach((cells, index) => {
    if (cells.length < 1 || cells.length > rule.columns || cells.length !== width) {
      report(`${rule.at}/rows/${index}`, `must have 1 to ${rule.columns} cells, as many as the first row`);
    }
  });
  return rows;
}

function checkWhole(value: unknown, rule: { at: string; min: number; max: number }, report: Report): void {
  if (value === undefined) return;
  if (typeof value === 'number' && Number.isInteger(value) && value >= rule.min && value <= rule.max) return;
  report(rule.at, `must be a whole number from ${rule.min} to ${rule.max}`);
}

export function checkChart(block: Fields, at: string, report: Report): void {
  checkLength({ value: block['title'], max: SLACK_LIMITS.chartTitle, at: `${at}/title` }, report);
  const chart = fieldsOf(block['chart']);
  const where = `${at}/chart`;
  if (chart['type'] === 'pie') return checkPie(chart, where, report);
  if (!['line', 'bar', 'area'].includes(String(chart['type']))) return report(`${where}/type`, 'unsupported type');
  const axes = fieldsOf(chart['axis_config']);
  for (const key of ['x_label', 'y_label']) {
    const title = { value: axes[key], max: SLACK_LIMITS.chartAxis, at: `${where}/axis_config/${key}` };
    checkLength({ ...title, optional: true }, report);
  }
  const categories: unknown[] = Array.isArray(axes['categories']) ? axes['categories'] : [];
  const size = { min: 1, max: SLACK_LIMITS.chartPoints };
  checkList(axes['categories'], { at: `${where}/axis_config/categories`, ...size }, report);
  checkLabels(categories, `${where}/axis_config/categories`, report);
  const most = { min: 1, max: SLACK_LIMITS.chartSeries };
  const series = checkList(chart['series'], { at: `${where}/series`, ...most }, report);
  checkLabels(
    series.map(({ name }) => name),
    `${where}/series`,
    report,
  );
  series.forEach(({ data }, index) => {
    const points = checkPoints(data, { at: `${where}/series/${index}/data`, ...size }, report);
    const labels = points.map(({ label }) => label);
    if (labels.length !== categories.length || labels.some((label, n) => label !== categories[n]))
      report(`${where}/series/${index}/data`, 'must have a point for each category, in their order');
  });
}

function checkPie(chart: Fields, at: string, report: Report): void {
  const most = { min: 1, max: SLACK_LIMITS.chartSeries };
  const points = checkPoints(chart['segments'], { at: `${at}/segments`, ...most }, report);
  checkLabels(
    points.map(({ label }) => label),
    `${at}/segments`,
    report,
  );
  points.forEach(({ value }, index) => {
    if (typeof value === 'number' && value <= 0) report(`${at}/segments/${index}/value`, 'must be more than 0');
  });
}

function checkPoints(value: unknown, rule: { at: string; min: number; max: number }, report: Report): Fields[] {
  const points = checkList(value, rule, report);
  points.forEach((point, index) => {
    if (!Number.isFinite(point['value'])) report(`${rule.at}/${index}/value`, 'must be a finite number');
  });
  return points;
}

function checkLabels(labels: readonly unknown[], at: string, report: Report): void {
  labels.forEach((value, n) => {
    checkLength({ value, max: SLACK_LIMITS.chartLabel, at: `${at}/${n}` }, report);
    if (labels.indexOf(value) !== n) report(`${at}/${n}`, 'is used twice');
  });
}
