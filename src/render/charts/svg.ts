/**
 * Charts as SVG, drawn by hand: pure, the same text for the same section, with nothing in it that is fetched or run. Pages take it as it
 * is; png.ts makes a picture of it.
 */
import type { ChartSection } from '../../store/report-sections.ts';
import { drawBars } from './bars.ts';
import { drawLines } from './lines.ts';
import { decimal, element, svgDocument } from './markup.ts';
import { CHART_PALETTE } from './palette.ts';
import type { Theme } from './palette.ts';
import { drawShares } from './shares.ts';
import { createSheet, drawHead, splitUnit, subtitleOf } from './sheet.ts';

const LEAST_WIDTH = 240;
const MOST_WIDTH = 1600;

/** The chart of a section on an opaque card, with its title; its `alt` is the picture's name. `width` is in CSS pixels, 240 to 1600. */
export function drawChart(section: ChartSection, options: { locale: string; width: number; theme: Theme }): string {
  const wanted = Number.isFinite(options.width) ? Math.round(options.width) : LEAST_WIDTH;
  const width = Math.min(MOST_WIDTH, Math.max(LEAST_WIDTH, wanted));
  const colors = CHART_PALETTE[options.theme];
  const sheet = createSheet(width, colors, options.locale);
  const { title = '', alt } = section;
  const { chart, unit } = splitUnit(section.chart);
  const subtitle = subtitleOf(chart, { title, unit });
  const head = drawHead(sheet, { title, subtitle });
  const body =
    chart.type === 'pie'
      ? drawShares(sheet, chart, head.bottom)
      : (chart.type === 'bar' ? drawBars : drawLines)(sheet, chart, head.bottom);
  const height = body.bottom + sheet.margin * 0.8;
  return svgDocument({ width, height, back: colors.back, alt }, head.svg + body.svg);
}

/** A small line without axes for a figure's row of values; it stands beside the figure's number, so readers skip it. */
export function drawSpark(
  values: readonly number[],
  { width, height, color }: { width: number; height: number; color: string },
): string {
  const inset = 3;
  // Halves, because the difference of two doubles may be too large for one.
  const low = Math.min(...values) / 2;
  const span = Math.max(...values) / 2 - low;
  const x = (index: number): number =>
    values.length < 2 ? width / 2 : inset + (index / (values.length - 1)) * (width - 2 * inset);
  const y = (value: number): number =>
    span > 0 ? height - inset - ((value / 2 - low) / span) * (height - 2 * inset) : height / 2;
  const points = values.map((value, index) => ({ x: x(index), y: y(value) }));
  const d = points.map((point, at) => `${at === 0 ? 'M' : 'L'}${decimal(point.x)} ${decimal(point.y)}`).join('');
  const style = {
    fill: 'none',
    stroke: color,
    'stroke-width': 2,
    'stroke-linejoin': 'round',
    'stroke-linecap': 'round',
  };
  const last = points.at(-1);
  const content = [
    points.length > 1 ? element('path', { d, ...style }) : '',
    last === undefined ? '' : element('circle', { cx: last.x, cy: last.y, r: inset, fill: color }),
  ];
  const box = { width, height, viewBox: `0 0 ${decimal(width)} ${decimal(height)}` };
  return element('svg', { xmlns: 'http://www.w3.org/2000/svg', ...box, 'aria-hidden': 'true' }, content.join(''));
}
