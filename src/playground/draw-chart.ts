import { plainText } from '../render/format.ts';
import { blocksOf, rangeOf } from '../render/text/spark.ts';
import { isJson, isJsonList, textOf } from './args.ts';
import type { TextStyle } from './draw-text.ts';
import { columns, wrapColumns } from './draw-text.ts';
import type { Json } from './state.ts';

interface Pen extends TextStyle {
  width: number;
}

const MAX_LABEL = 24;

/** Draws a `data_visualization` block: bars for one row of values, a small line of blocks for each of several. */
export function drawChart(block: Json, pen: Pen): string[] {
  const chart = isJson(block['chart']) ? block['chart'] : {};
  const title = wrapColumns(plainText(textOf(block['title']) ?? ''), pen.width).map(pen.bold);
  const type = plainText(textOf(chart['type']) ?? 'chart');
  if (type === 'pie') return [...title, ...drawBars(pointsOf(chart['segments']), pen)];
  const series = list(chart['series']).map((one) => ({
    name: plainText(textOf(one['name']) ?? ''),
    points: pointsOf(one['data']),
  }));
  const [only] = series;
  if (series.length === 1 && only !== undefined && type === 'bar') return [...title, ...drawBars(only.points, pen)];
  return [...title, ...series.flatMap((one) => drawLine(one, pen))];
}

interface Point {
  label: string;
  value: number;
}

function pointsOf(value: unknown): Point[] {
  return list(value).map((point) => ({
    label: plainText(textOf(point['label']) ?? ''),
    value: Number(textOf(point['value']) ?? Number.NaN),
  }));
}

function drawBars(points: readonly Point[], pen: Pen): string[] {
  const wide = Math.min(MAX_LABEL, Math.max(1, ...points.map(({ label }) => columns(label))));
  const most = Math.max(...points.map(({ value }) => Math.abs(value)), Number.MIN_VALUE);
  const room = Math.max(4, pen.width - wide - 16);
  return points.flatMap(({ label, value }) => {
    const bar = '█'.repeat(Math.round((Math.abs(value) / most) * room) || 0);
    return wrapColumns(`${label}${' '.repeat(Math.max(1, wide - columns(label) + 2))}${bar} ${value}`, pen.width);
  });
}

function drawLine({ name, points }: { name: string; points: readonly Point[] }, pen: Pen): string[] {
  const values = points.map(({ value }) => value).filter((value) => Number.isFinite(value));
  const line = blocksOf(values, rangeOf(values));
  const [first, last] = [points[0], points.at(-1)];
  const ends = [first, last].map((point) => (point === undefined ? '' : `${point.label} ${point.value}`)).join(' … ');
  return wrapColumns(`${name}  ${line}  ${ends}`, pen.width);
}

function list(value: unknown): Json[] {
  return isJsonList(value) ? value : [];
}
