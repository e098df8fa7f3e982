/** Charts as lines of blocks with their values. */
import type { Chart, ChartSection } from '../../store/report-sections.ts';
import { displayWidth, oneLine, padColumns, widest } from '../format.ts';
import { axisNote, chartRows, formatUnit } from '../values.ts';
import { span, wrap } from './pen.ts';
import type { Line, Pen } from './pen.ts';
import { blocksOf, rangeOf, resampled } from './spark.ts';
import type { Range } from './spark.ts';
import { gridLines } from './table.ts';

type Xy = Exclude<Chart, { type: 'pie' }>;
type Pie = Extract<Chart, { type: 'pie' }>;
interface Context {
  locale: string;
  pen: Pen;
}

const GAP = 2;
const MAX_BAR = 40;
const MIN_BAR = 8;
const FULL = '█';
/** The last cell of a bar in eighths. */
const PARTS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'] as const;
/** A preview draws this many bars; more is a page of them. */
const MAX_BARS = 30;
/** More than this are their values in every form: forty such charts were twenty megabytes of bars in a mail. */
const MOST_BARS = 400;

/**
 * A preview says the alt text only where the drawing does not say all of it; the whole form says it always, and every value. A chart
 * that is too narrow to be drawn is its values.
 */
export function chartLines(section: ChartSection, context: Context): Line[] {
  const { pen } = context;
  const alt = oneLine(section.alt);
  const drawing = drawingOf(section, context);
  const axes = axisNote(section.chart);
  const note = axes === undefined ? [] : wrap([{ text: axes, italic: true }], pen);
  if (drawing === undefined) return [...wrap([{ text: alt }], pen), ...note, ...valueLines(section.chart, context)];
  const { lines, isComplete } = drawing;
  if (pen.rows === 'all') {
    const values = isComplete ? [] : [[], ...valueLines(section.chart, context)];
    return [...wrap([{ text: alt }], pen), ...note, ...lines, ...values];
  }
  const said = isComplete && section.title !== undefined ? [] : wrap([{ text: firstSentence(alt) }], pen);
  return [...said, ...note, ...lines];
}

function firstSentence(alt: string): string {
  return /^.{20,}?[.;](?= )/u.exec(alt)?.[0].replace(/;$/, '.') ?? alt;
}

/** `isComplete`: it says every value. Undefined when it cannot be drawn in this width. */
function drawingOf(section: ChartSection, context: Context): { lines: Line[]; isComplete: boolean } | undefined {
  const { chart } = section;
  const isLine = chart.type === 'line' || chart.type === 'area';
  const isLong = chart.type === 'bar' && chart.categories.length * chart.series.length > MAX_BARS;
  if (chart.type !== 'pie' && (isLine || (isLong && context.pen.rows === 'preview'))) {
    const lines = sparkLines(chart, context);
    return lines === undefined ? undefined : { lines, isComplete: false };
  }
  if (chart.type === 'bar' && chart.categories.length * chart.series.length > MOST_BARS) return undefined;
  const lines = chart.type === 'pie' ? pieLines(chart, context) : barLines(chart, section, context);
  return lines === undefined ? undefined : { lines, isComplete: true };
}

/** All values as a table. */
function valueLines(chart: Chart, { locale, pen }: Context): Line[] {
  const [header = [], ...body] = chartRows(chart, locale).map((row) => row.map((text) => ({ text })));
  const align = header.map((_, at) => (at === 0 ? ('left' as const) : ('right' as const)));
  return gridLines({ header, body, align, wraps: header.map(() => false) }, { ...pen, rows: 'all' }).lines;
}

interface Bar {
  /** Empty where the bar above belongs to the same category. */
  group: string;
  name: string;
  value: number | null;
  text: string;
}

function barLines({ categories, series, unit }: Xy, section: ChartSection, context: Context): Line[] | undefined {
  const many = series.length > 1;
  const bars = categories.flatMap((category, at) =>
    series.map(({ name, values }, nth): Bar => {
      const value = values[at] ?? null;
      const text = value === null ? 'no value' : formatUnit(value, unit, context.locale);
      return { group: nth === 0 ? oneLine(category) : '', name: many ? oneLine(name) : '', value, text };
    }),
  );
  const lines = drawBars(bars, context);
  const only = many ? '' : oneLine(series[0]?.name ?? '');
  const isSaid = `${section.title} ${context.pen.rows === 'all' ? section.alt : ''}`.includes(only);
  return lines === undefined || isSaid ? lines : [...wrap([{ text: only, italic: true }], context.pen), ...lines];
}

function pieLines({ segments, unit }: Pie, context: Context): Line[] | undefined {
  const total = segments.reduce((sum, { value }) => sum + value, 0);
  const bars = segments.map(({ label, value }): Bar => {
    const share = formatUnit(Math.round((value / total) * 1000) / 10, '%', context.locale);
    return { group: oneLine(label), name: '', value, text: `${share} (${formatUnit(value, unit, context.locale)})` };
  });
  return drawBars(bars, context);
}

/** Bars from a common zero; those below it point to the left. */
function drawBars(bars: readonly Bar[], { pen }: Context): Line[] | undefined {
  const groups = widest(bars.map(({ group }) => group));
  const names = widest(bars.map(({ name }) => name));
  const texts = widest(bars.map(({ text }) => text));
  const room = pen.width - groups - names - texts - GAP * (names > 0 ? 3 : 2);
  if (room < MIN_BAR) return undefined;
  const range = rangeOf([0, ...bars.map(({ value }) => value)]) ?? { low: 0, high: 0 };
  const columns = Math.min(MAX_BAR, room);
  return bars.map(({ group, name, value, text }) => [
    span(padColumns(group, groups + GAP)),
    ...(names > 0 ? [span(padColumns(name, names + GAP))] : []),
    ...(value === null ? [] : [span(barOf(value, range, columns), value < 0 ? 'bad' : 'neutral'), span(' ')]),
    span(text, value === null ? 'dim' : 'bold'),
  ]);
}

function barOf(value: number, { low, high }: Range, columns: number): string {
  const whole = high / 2 - low / 2;
  if (whole === 0) return '';
  const zero = low < 0 ? Math.round((-low / 2 / whole) * columns) : 0;
  if (value < 0) {
    const length = Math.min(zero, Math.max(1, Math.round((-value / 2 / whole) * columns)));
    return ' '.repeat(zero - length) + FULL.repeat(length);
  }
  const eighths = Math.round((value / 2 / whole) * columns * 8);
  const length = Math.min(eighths, Math.max(0, columns - zero) * 8);
  return ' '.repeat(zero) + FULL.repeat(length >> 3) + (PARTS[length & 7] ?? '');
}

/** Each series as a small line on one scale, with its first and last value, and where the lowest and highest were. */
function sparkLines({ categories, series, unit }: Xy, { locale, pen }: Context): Line[] | undefined {
  const names = series.map(({ name }) => oneLine(name));
  const labels = widest(names);
  const columns = Math.min(categories.length, pen.width - labels - GAP);
  if (columns < MIN_BAR && columns < categories.length) return undefined;
  const range = rangeOf(series.flatMap(({ values }) => values));
  const write = (value: number): string => formatUnit(value, unit, locale);
  const lines = series.flatMap(({ values }, nth): Line[] => {
    const drawn: Line = [
      span(padColumns(names[nth] ?? '', labels + GAP)),
      span(blocksOf(resampled(values, columns), range), 'good'),
    ];
    const notes = notesOf(values, { categories, write });
    const fits = labels + 2 * GAP + columns + displayWidth(notes) <= pen.width;
    return fits ? [[...drawn, span(`  ${notes}`)]] : [drawn, ...wrap([{ text: notes }], pen)];
  });
  const drawn = columns < categories.length ? [`${categories.length} values, drawn as ${columns}`] : [];
  return [...lines, ...drawn.flatMap((text) => wrap([{ text, italic: true }], pen))];
}

function notesOf(
  values: readonly (number | null)[],
  about: { categories: readonly string[]; write: (value: number) => string },
): string {
  const { categories, write } = about;
  const range = rangeOf(values);
  if (range === undefined) return 'no values';
  const known = values.filter((value) => value !== null);
  const at = (value: number | undefined): string => {
    const where = categories[values.indexOf(value ?? null)];
    return value === undefined ? '' : `${write(value)} ${oneLine(where ?? '')}`.trimEnd();
  };
  const first = known[0];
  const last = known.at(-1);
  const { low, high } = range;
  const gaps = values.length - known.length;
  const ends = known.length === 1 ? at(first) : `${at(first)} → ${lastAt()}`;
  return [
    ends,
    ...(low === first || low === last ? [] : [`low ${at(low)}`]),
    ...(high === first || high === last ? [] : [`high ${at(high)}`]),
    ...(gaps === 0 ? [] : [`${gaps} without a value`]),
  ].join(' · ');

  function lastAt(): string {
    const index = values.findLastIndex((value) => value !== null);
    return last === undefined ? '' : `${write(last)} ${oneLine(categories[index] ?? '')}`.trimEnd();
  }
}
