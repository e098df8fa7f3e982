/** How the values of tables and charts are written, the same in every form of a report. */
import type { Cell, Chart, Column } from '../store/report-sections.ts';
import type { Report } from '../store/report.ts';
import type { Align } from './markdown.ts';
import { oneLine } from './format.ts';
import { dateFormat, numberFormat } from './intl.ts';

type Place = Pick<Report, 'locale' | 'timeZone'>;

const DASH = '–';
const CURRENCY_SIGN = /^\p{Sc}$/u;

/** A cell as people read it: `$1,204.50`, `12.5%`, `23 Nov 2026`; `–` where there is nothing. */
export function formatCell(cell: Cell | undefined, column: Column, place: Place): string {
  if (cell === undefined || cell === null || cell === '') return DASH;
  if (typeof cell === 'object') return oneLine(cell.text) || DASH;
  if (typeof cell === 'string') return (column.type === 'date' ? formatDay(cell, place) : oneLine(cell)) || DASH;
  return formatValue(cell, column, place.locale);
}

/** The address of a cell that is a link. */
export function hrefOf(cell: Cell | undefined): string | undefined {
  return typeof cell === 'object' && cell !== null ? cell.href : undefined;
}

export function alignOf(column: Column): Align {
  if (column.align !== undefined) return column.align;
  return column.type === 'number' || column.type === 'money' || column.type === 'percent' ? 'right' : 'left';
}

function formatValue(value: number, column: Column, locale: string): string {
  if (!Number.isFinite(value)) return DASH;
  const { digits } = column;
  const decimals = (least: number, most: number) => ({
    minimumFractionDigits: digits ?? least,
    maximumFractionDigits: digits ?? most,
  });
  if (column.type === 'money') {
    const whole = Number.isInteger(value) ? 0 : 2;
    const shape = decimals(whole, whole);
    return column.currency === undefined
      ? number(value, locale, shape)
      : number(value, locale, { style: 'currency', currency: column.currency, ...shape });
  }
  const text = number(value, locale, decimals(0, column.type === 'percent' ? 1 : 2));
  return column.type === 'percent' ? `${text}%` : text;
}

/** A value of a chart with its unit: `$55,930`, `12 kg`, `4.1%`. */
export function formatUnit(value: number, unit: string | undefined, locale: string): string {
  const cents = unit !== undefined && CURRENCY_SIGN.test(unit) && !Number.isInteger(value);
  const least = cents ? { minimumFractionDigits: 2 } : {};
  return withUnit(number(Math.abs(value), locale, { ...least, maximumFractionDigits: 2 }), { value, unit });
}

/** The same in at most four signs for axes and labels: `$55.9k`, three significant digits; `1.2E20` where words for the size end. */
export function formatShort(value: number, unit: string | undefined, locale: string): string {
  const size = Math.abs(value);
  const notation = size >= 1e15 || (size > 0 && size < 1e-4) ? 'scientific' : 'compact';
  const text = number(size, locale, { notation, maximumSignificantDigits: 3 }).replace(/K$/, 'k');
  return withUnit(text, { value, unit });
}

function withUnit(text: string, { value, unit }: { value: number; unit: string | undefined }): string {
  const sign = value < 0 ? '−' : '';
  if (unit === undefined) return sign + text;
  if (CURRENCY_SIGN.test(unit)) return `${sign}${unit}${text}`;
  return unit === '%' ? `${sign}${text}%` : `${sign}${text} ${oneLine(unit)}`;
}

/** A chart as rows of text, header first: its values where it cannot be drawn. */
export function chartRows(chart: Chart, locale: string): string[][] {
  if (chart.type === 'pie') {
    const total = chart.segments.reduce((sum, { value }) => sum + value, 0);
    const rows = chart.segments.map(({ label, value }) => [
      oneLine(label),
      formatUnit(value, chart.unit, locale),
      `${number((value / total) * 100, locale, { maximumFractionDigits: 1 })}%`,
    ]);
    return [['', 'Value', 'Share'], ...rows];
  }
  const head = [oneLine(chart.xLabel ?? ''), ...chart.series.map(({ name }) => oneLine(name))];
  const rows = chart.categories.map((category, at) => [
    oneLine(category),
    ...chart.series.map(({ values }) => {
      const value = values[at];
      return value === null || value === undefined ? DASH : formatUnit(value, chart.unit, locale);
    }),
  ]);
  return [head, ...rows];
}

/** `Revenue ($) by week`: what the axes of a chart are called, where they have names. */
export function axisNote(chart: Chart): string | undefined {
  if (chart.type === 'pie') return undefined;
  const isSaid = chart.series.some(({ values }) => values.some((value) => value !== null));
  const unit = chart.unit === undefined ? '' : ` (${oneLine(chart.unit)})`;
  // Each value carries the unit, where there is one.
  if (chart.yLabel === undefined && chart.xLabel === undefined)
    return isSaid || unit === '' ? undefined : `Value${unit}`;
  const y = `${oneLine(chart.yLabel ?? 'Value')}${unit}`;
  return chart.xLabel === undefined ? y : `${y} by ${oneLine(chart.xLabel)}`;
}

/** A day, or the day of an instant, as `23 Nov 2026` in a locale; other text stays as it is. */
export function formatDay(text: string, { locale, timeZone }: Place): string {
  const isDay = /^\d{4}-\d{2}-\d{2}$/.test(text);
  const at = Date.parse(text);
  if (Number.isNaN(at) || !/^\d{4}-\d{2}-\d{2}/.test(text)) return oneLine(text);
  const shape = { day: 'numeric', month: 'short', year: 'numeric' } as const;
  return dateFormat(locale, { ...shape, timeZone: isDay ? 'UTC' : timeZone }).format(at);
}

function number(value: number, locale: string, shape: Intl.NumberFormatOptions): string {
  return numberFormat(locale, shape).format(value);
}
