/** Bars, grouped by category: upright where the labels fit below them, else lying. Their length is the value, so they begin at zero. */
import { formatShort } from '../values.ts';
import { drawGrid, drawZero, tickRoom } from './grid.ts';
import { cleanText, element, label } from './markup.ts';
import { textWidth } from './measure.ts';
import { seriesColor } from './palette.ts';
import { createScale } from './scale.ts';
import type { Scale } from './scale.ts';
import { drawCategories, drawLegend, plotHeight } from './sheet.ts';
import type { Drawn, Plot, Sheet, XyChart } from './sheet.ts';

/** More bars than these would make a tall picture: they stand, with fewer labels. */
const MOST_LYING = 40;
/** Of a category's room, what is left between it and the next. */
const BETWEEN = 0.28;

export function drawBars(sheet: Sheet, chart: XyChart, top: number): Drawn {
  const names = chart.series.map(({ name }) => name);
  const legend = names.length > 1 ? drawLegend(sheet, names, top) : { svg: '', bottom: top };
  const band = (sheet.width - 2 * sheet.margin) / chart.categories.length;
  const widest = Math.max(...chart.categories.map((name) => textWidth(cleanText(name), sheet.size)));
  const lies = widest + sheet.size * 0.7 > band && chart.categories.length * names.length <= MOST_LYING;
  const bars = (lies ? drawLying : drawStanding)(sheet, chart, legend.bottom);
  return { svg: legend.svg + bars.svg, bottom: bars.bottom };
}

function scaleOf(sheet: Sheet, chart: XyChart, base: 'zero' | 'exact'): Scale {
  const values = chart.series.flatMap((one) => one.values).filter((value) => value !== null);
  return createScale(values, { base, ticks: 4, unit: chart.unit, locale: sheet.locale });
}

function drawStanding(sheet: Sheet, chart: XyChart, top: number): Drawn {
  const { size, margin } = sheet;
  const band = (sheet.width - 2 * margin) / chart.categories.length;
  const bar = (band * (1 - BETWEEN)) / chart.series.length;
  // Where every bar can carry its value, lines and ticks would only repeat it.
  const room = chart.series.length === 1 ? band : bar;
  const texts = chart.series.flatMap(({ values }) => values.map((value) => textOf(value, chart, sheet)));
  const written = Math.max(...texts.map((text) => textWidth(text, size, 'bold'))) + size * 0.3 <= room;
  const scale = scaleOf(sheet, chart, written ? 'exact' : 'zero');
  const left = margin + (written ? 0 : tickRoom(sheet, scale));
  const plotTop = top + size * (written ? 1.9 : 1.1);
  const plot = { left, right: sheet.width - margin, top: plotTop, bottom: plotTop + plotHeight(sheet) };
  const width = (plot.right - plot.left) / chart.categories.length;
  const middle = (index: number): number => plot.left + (index + 0.5) * width;
  // Values below zero are written below their bars.
  const depth = written && scale.zero > 0 ? size * 1.3 : 0;
  const labels = drawCategories(sheet, chart, { plot: { ...plot, bottom: plot.bottom + depth }, x: middle });
  const bars = chart.series.flatMap(({ values }, at) =>
    values.map((value, index) => {
      const each = (width * (1 - BETWEEN)) / chart.series.length;
      const x = middle(index) - (each * chart.series.length) / 2 + at * each;
      return drawStandingBar(value, { sheet, chart, scale, plot, at, x, width: each, written });
    }),
  );
  const behind = written ? '' : drawGrid(sheet, scale, plot);
  return { svg: behind + bars.join('') + drawZero(sheet, scale, plot) + labels.svg, bottom: labels.bottom };
}

interface BarOn {
  sheet: Sheet;
  chart: XyChart;
  scale: Scale;
  plot: Plot;
  /** Index of the series. */
  at: number;
}

function drawStandingBar(value: number | null, on: BarOn & { x: number; width: number; written: boolean }): string {
  const { sheet, chart, scale, plot, at, x, width, written } = on;
  const { size, colors } = sheet;
  const height = plot.bottom - plot.top;
  const zero = plot.bottom - scale.zero * height;
  const end = value === null ? zero : plot.bottom - scale.at(value) * height;
  const color = seriesColor(colors, at);
  const gap = width > 6 ? 1 : 0;
  const body = { x: x + gap / 2, width: width - gap, y: Math.min(zero, end), height: lengthOf(value, zero - end) };
  const shape = value === null ? '' : element('rect', { ...body, rx: width > 8 ? 2 : undefined, fill: color });
  if (!written) return shape;
  const style = { x: x + width / 2, size, anchor: 'middle', weight: 'bold' } as const;
  const y = value !== null && value < 0 ? end + size * 1.15 : end - size * 0.45;
  return shape + label(textOf(value, chart, sheet), { ...style, y, color: value === null ? colors.muted : color });
}

/** A value that is not zero is seen, however small. */
function lengthOf(value: number | null, length: number): number {
  return value === null || value === 0 ? 0 : Math.max(1, Math.abs(length));
}

function textOf(value: number | null, chart: XyChart, sheet: Sheet): string {
  return value === null ? '–' : formatShort(value, chart.unit, sheet.locale);
}

/** Every bar carries its value, so there is no axis but the line of zero. */
function drawLying(sheet: Sheet, chart: XyChart, top: number): Drawn {
  const { size, margin, colors } = sheet;
  const scale = scaleOf(sheet, chart, 'exact');
  const names = chart.categories.map(cleanText);
  const beside = roomBeside(sheet, chart);
  const free = sheet.width - 2 * margin - beside.left - beside.right - size * 4.8;
  const widest = Math.max(...names.map((name) => textWidth(name, size)));
  const column = Math.max(0, Math.min(widest, sheet.width * 0.42, free));
  const left = margin + column + size * 0.8 + beside.left;
  const right = sheet.width - margin - beside.right;
  const each = chart.series.length === 1 ? size * 1.35 : size * 1.15;
  const row = each * chart.series.length + size * (chart.series.length === 1 ? 0.6 : 0.9);
  const plotTop = top + size * 0.7;
  const plot = { left, right, top: plotTop, bottom: plotTop + row * names.length };
  const rows = names.map((name, index) => {
    const middle = plot.top + (index + 0.5) * row;
    const style = { x: margin + column, y: middle + size * 0.35, size, color: colors.ink, anchor: 'end' } as const;
    const bars = chart.series.map(({ values }, at) => {
      const y = middle - (each * chart.series.length) / 2 + at * each;
      return drawLyingBar(values[index] ?? null, { sheet, chart, scale, plot, at, y, height: each });
    });
    return label(name, { ...style, width: column + 0.5 }) + bars.join('');
  });
  const zero = plot.left + scale.zero * (plot.right - plot.left);
  const axis = { x1: zero, x2: zero, y1: plot.top, y2: plot.bottom, stroke: colors.axis, 'stroke-width': 1.5 };
  return { svg: rows.join('') + element('line', axis), bottom: plot.bottom + size * 0.2 };
}

/** What the values need left of the bars that are negative, and right of the others. */
function roomBeside(sheet: Sheet, chart: XyChart): { left: number; right: number } {
  const room = { left: 0, right: 0 };
  for (const value of chart.series.flatMap(({ values }) => values)) {
    const side = value !== null && value < 0 ? 'left' : 'right';
    const width = textWidth(textOf(value, chart, sheet), sheet.size, 'bold') + sheet.size * 0.5;
    room[side] = Math.max(room[side], width);
  }
  return room;
}

function drawLyingBar(value: number | null, on: BarOn & { y: number; height: number }): string {
  const { sheet, chart, scale, plot, at, y, height } = on;
  const { size, colors } = sheet;
  const across = (share: number): number => plot.left + share * (plot.right - plot.left);
  const [zero, end] = [across(scale.zero), across(value === null ? scale.zero : scale.at(value))];
  const color = seriesColor(colors, at);
  const body = { x: Math.min(zero, end), width: lengthOf(value, end - zero), y: y + 0.75, height: height - 1.5 };
  const shape = value === null ? '' : element('rect', { ...body, rx: 2, fill: color });
  const style = { y: y + height / 2 + size * 0.35, size, weight: 'bold' } as const;
  const text = textOf(value, chart, sheet);
  if (value === null) return label(text, { ...style, x: zero + size * 0.4, color: colors.muted });
  return value < 0
    ? shape + label(text, { ...style, x: end - size * 0.4, color, anchor: 'end' })
    : shape + label(text, { ...style, x: end + size * 0.4, color });
}
