/** Charts that Slack draws itself. */
import type { Chart, ChartSection } from '../../store/report-sections.ts';
import { cutText, oneLine } from '../format.ts';
import { SLACK_LIMITS } from './limits.ts';
import type { DataPoint, DataVisualizationBlock } from './types.ts';

const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' });

export interface NativeChart {
  block: DataVisualizationBlock;
  /** Names and labels that had to be cut to fit, in full. */
  cut: string[];
}

/** The chart as Slack draws it; undefined when it cannot: gaps, too many points or series, names that are not told apart in 20 characters. */
export function nativeChart(section: ChartSection): NativeChart | undefined {
  const cut: string[] = [];
  const chart = section.chart.type === 'pie' ? pieOf(section.chart, cut) : xyOf(section.chart, cut);
  if (chart === undefined) return undefined;
  const title = cutText(oneLine(section.title ?? '') || oneLine(section.alt) || 'Chart', SLACK_LIMITS.chartTitle);
  return { block: { type: 'data_visualization', title, chart }, cut };
}

type Native = DataVisualizationBlock['chart'];

function pieOf(chart: Extract<Chart, { type: 'pie' }>, cut: string[]): Native | undefined {
  const { segments } = chart;
  if (segments.length > SLACK_LIMITS.chartSeries) return undefined;
  const names = labelsOf(
    segments.map(({ label }) => label),
    cut,
  );
  const points = pointsOf(
    names,
    segments.map(({ value }) => value),
  );
  return points === undefined ? undefined : { type: 'pie', segments: points };
}

function xyOf(chart: Exclude<Chart, { type: 'pie' }>, cut: string[]): Native | undefined {
  const { type, categories, series } = chart;
  if (categories.length > SLACK_LIMITS.chartPoints || series.length > SLACK_LIMITS.chartSeries) return undefined;
  const labels = labelsOf(categories, cut);
  const names = labelsOf(
    series.map(({ name }) => name),
    cut,
  );
  if (labels === undefined || names === undefined) return undefined;
  const drawn = series.flatMap(({ values }, n) => {
    const data = pointsOf(labels, values);
    return data === undefined ? [] : [{ name: names[n] ?? '', data }];
  });
  if (drawn.length < series.length) return undefined;
  const x = cutText(oneLine(chart.xLabel ?? ''), SLACK_LIMITS.chartAxis);
  const y = cutText(axisOf(chart, cut), SLACK_LIMITS.chartAxis);
  const titles = { ...(x === '' ? {} : { x_label: x }), ...(y === '' ? {} : { y_label: y }) };
  return { type, series: drawn, axis_config: { categories: labels, ...titles } };
}

/** Slack has no field for a unit: it stands with the title of the axis. */
function axisOf({ yLabel, unit }: { yLabel?: string; unit?: string }, cut: string[]): string {
  const [label, sign] = [oneLine(yLabel ?? ''), oneLine(unit ?? '')];
  if (label === '' || sign === '') return label || sign;
  const both = `${label} (${sign})`;
  if (both.length > SLACK_LIMITS.chartAxis) cut.push(both);
  return both;
}

function pointsOf(labels: string[] | undefined, values: readonly (number | null)[]): DataPoint[] | undefined {
  if (labels?.length !== values.length) return undefined;
  const points = labels.flatMap((label, n) => {
    const value = values[n];
    return typeof value === 'number' && Number.isFinite(value) ? [{ label, value }] : [];
  });
  return points.length === labels.length ? points : undefined;
}

/** Labels of at most 20 characters that are told apart; those that were cut are noted in full. */
function labelsOf(texts: readonly string[], cut: string[]): string[] | undefined {
  const whole = texts.map(oneLine);
  if (whole.includes('')) return undefined;
  for (const shorten of [keepStart, keepEnds]) {
    const short = whole.map((text) => (text.length <= SLACK_LIMITS.chartLabel ? text : shorten(text)));
    if (short.includes('') || new Set(short).size < short.length) continue;
    cut.push(...whole.filter((text) => text.length > SLACK_LIMITS.chartLabel));
    return short;
  }
  return undefined;
}

function keepStart(text: string): string {
  const start = fill(parts(text), SLACK_LIMITS.chartLabel - 1);
  return start === '' ? '' : `${start}…`;
}

function keepEnds(text: string): string {
  const half = (SLACK_LIMITS.chartLabel - 1) >> 1;
  const end = fill(parts(text).toReversed(), half, 'backwards');
  const start = fill(parts(text), half);
  return start === '' || end === '' ? '' : `${start}…${end}`;
}

function parts(text: string): string[] {
  return [...graphemes.segment(text)].map(({ segment }) => segment);
}

/** As many whole graphemes as fit. */
function fill(from: readonly string[], max: number, order: 'forwards' | 'backwards' = 'forwards'): string {
  let kept = '';
  for (const part of from) {
    if (kept.length + part.length > max) break;
    kept = order === 'forwards' ? kept + part : part + kept;
  }
  return kept;
}
