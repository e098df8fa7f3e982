/**
 * Lines and areas. A line begins where its values are (the ticks say where); an area at zero. Gaps stay gaps. The last value of each series
 * stands at its end, with its name where there is room, else the names are a legend.
 */
import { formatShort } from '../values.ts';
import { drawGrid, drawZero, tickRoom } from './grid.ts';
import { cleanText, decimal, element, label } from './markup.ts';
import { textWidth } from './measure.ts';
import { seriesColor } from './palette.ts';
import { createScale } from './scale.ts';
import type { Scale } from './scale.ts';
import { drawCategories, drawLegend, plotHeight } from './sheet.ts';
import type { Drawn, Plot, Sheet, XyChart } from './sheet.ts';

interface Point {
  x: number;
  y: number;
}

/** What is written at the end of a series, where its line ends, and where there is room for it. */
interface End {
  name: string;
  value: string;
  color: string;
  point: Point | undefined;
  y: number;
}

const LINE = 1.35;
const MOST_DIRECT = 0.32;
const LEAST_PLOT = 0.3;
/** Points beyond which a thick line would run together. */
const MANY = 120;

export function drawLines(sheet: Sheet, chart: XyChart, top: number): Drawn {
  const { size, margin } = sheet;
  const values = chart.series.flatMap((one) => one.values).filter((value) => value !== null);
  const base = chart.type === 'area' ? 'zero' : 'padded';
  const naming = namingOf(sheet, chart);
  const scale = withRoom(createScale(values, { base, ticks: 4, unit: chart.unit, locale: sheet.locale }), {
    sheet,
    taken: naming.room,
  });
  const legend =
    naming.place === 'legend'
      ? drawLegend(
          sheet,
          chart.series.map(({ name }) => name),
          top,
        )
      : { svg: '', bottom: top };
  const plotTop = legend.bottom + size * 1.1;
  const height = Math.max(plotHeight(sheet), chart.series.length * size * LINE);
  const plot = {
    left: margin + tickRoom(sheet, scale),
    right: sheet.width - margin - naming.room,
    top: plotTop,
    bottom: plotTop + height,
  };
  const across = placer(plot, chart.categories.length);
  const pointsOf = (one: readonly (number | null)[]): (Point | undefined)[] =>
    one.map((value, index) => (value === null ? undefined : { x: across(index), y: down(plot, scale, value) }));
  const all = chart.series.map((one) => pointsOf(one.values));
  const categories = drawCategories(sheet, chart, { plot, x: across });
  const ends = endsOf(sheet, chart, all);
  spread(ends, { top: plot.top, bottom: plot.bottom, gap: size * LINE });
  const areas = chart.type === 'area' ? all.map((points, at) => drawArea(points, { sheet, plot, scale, at })) : [];
  // The first series is what the chart is about: it lies on top.
  const lines = all.map((points, at) => drawSeries(points, { sheet, at, of: all.length })).toReversed();
  const svg = [
    legend.svg,
    drawGrid(sheet, scale, plot),
    ...(scale.ticks.some(({ value }) => value === 0) ? [drawZero(sheet, scale, plot)] : []),
    ...areas,
    ...lines,
    ...ends.map((end) => drawEnd(end, { sheet, plot, place: naming.place })),
    categories.svg,
  ];
  return { svg: svg.join(''), bottom: categories.bottom };
}

/** Ticks that would leave hardly any room for the lines are not written; the last values are. */
function withRoom(scale: Scale, { sheet, taken }: { sheet: Sheet; taken: number }): Scale {
  const left = sheet.width - 2 * sheet.margin - taken - tickRoom(sheet, scale);
  return left >= sheet.width * LEAST_PLOT
    ? scale
    : { ...scale, ticks: scale.ticks.map((tick) => ({ ...tick, text: '' })) };
}

function placer(plot: Plot, count: number): (index: number) => number {
  // A lone point lies where its label is.
  return (index) => (count === 1 ? plot.right : plot.left + (index / (count - 1)) * (plot.right - plot.left));
}

function down(plot: Plot, scale: Scale, value: number): number {
  return plot.bottom - scale.at(value) * (plot.bottom - plot.top);
}

/** Names go to the ends of their lines where all of them fit whole; a lone series is named above. */
function namingOf(sheet: Sheet, chart: XyChart): { place: 'none' | 'ends' | 'legend'; room: number } {
  const { size, width } = sheet;
  const lasts = chart.series.map(({ values }) => textWidth(lastText(values, chart, sheet.locale), size, 'bold'));
  const names = chart.series.map(({ name }) => textWidth(cleanText(name), size));
  const gap = size * 0.9;
  if (chart.series.length === 1) return { place: 'none', room: gap + Math.max(...lasts) };
  const direct = gap + Math.max(...lasts.map((last, index) => last + size * 0.45 + (names[index] ?? 0)));
  if (direct <= width * MOST_DIRECT && width >= 420) return { place: 'ends', room: direct };
  return { place: 'legend', room: gap + Math.max(...lasts) };
}

function lastText(values: readonly (number | null)[], chart: XyChart, locale: string): string {
  const last = values.findLast((value) => value !== null);
  return last === undefined || last === null ? '–' : formatShort(last, chart.unit, locale);
}

function endsOf(sheet: Sheet, chart: XyChart, all: readonly (readonly (Point | undefined)[])[]): End[] {
  return chart.series.map(({ name, values }, index) => {
    const point = all[index]?.findLast((one) => one !== undefined);
    const value = lastText(values, chart, sheet.locale);
    return { name, value, color: seriesColor(sheet.colors, index), point, y: point?.y ?? Number.MAX_VALUE };
  });
}

/** Pushes the labels apart, no further than they need, within the plot; whose series has no value goes to the bottom. */
function spread(ends: End[], { top, bottom, gap }: { top: number; bottom: number; gap: number }): void {
  const sorted = ends.toSorted((a, b) => a.y - b.y);
  let least = top;
  for (const end of sorted) {
    end.y = Math.max(least, Math.min(end.y, bottom));
    least = end.y + gap;
  }
  let most = bottom;
  for (const end of sorted.toReversed()) {
    end.y = Math.min(most, end.y);
    most = end.y - gap;
  }
}

function drawEnd(end: End, on: { sheet: Sheet; plot: Plot; place: 'none' | 'ends' | 'legend' }): string {
  const { sheet, plot, place } = on;
  const { size } = sheet;
  const x = plot.right + size * 0.9;
  const y = end.y + size * 0.35;
  const value = label(end.value, { x, y, size, color: end.color, weight: 'bold' });
  // A label that was pushed away, or whose line ends before the others, is led to its end.
  const { point } = end;
  const led = point !== undefined && (Math.abs(point.y - end.y) > size * 0.5 || point.x < plot.right - 1);
  const leader = led
    ? element('path', {
        d: `M${decimal(point.x + size * 0.3)} ${decimal(point.y)}L${decimal(x - size * 0.2)} ${decimal(end.y)}`,
        stroke: end.color,
        'stroke-opacity': 0.45,
        fill: 'none',
      })
    : '';
  if (place !== 'ends') return leader + value;
  const after = x + textWidth(end.value, size, 'bold') + size * 0.45;
  return leader + value + label(end.name, { x: after, y, size, color: end.color });
}

/** Runs of points without a gap between them. */
function runs(points: readonly (Point | undefined)[]): Point[][] {
  const found: Point[][] = [];
  let run: Point[] = [];
  for (const point of [...points, undefined]) {
    if (point !== undefined) run.push(point);
    else if (run.length > 0) {
      found.push(run);
      run = [];
    }
  }
  return found;
}

function pathOf(points: readonly Point[]): string {
  return points.map(({ x, y }, index) => `${index === 0 ? 'M' : 'L'}${decimal(x)} ${decimal(y)}`).join('');
}

function drawSeries(points: readonly (Point | undefined)[], on: { sheet: Sheet; at: number; of: number }): string {
  const { sheet, at, of } = on;
  const color = seriesColor(sheet.colors, at);
  const thick = points.length > MANY || of > 5 ? 2 : at === 0 ? 3 : 2.25;
  const style = {
    fill: 'none',
    stroke: color,
    'stroke-width': thick,
    'stroke-linejoin': 'round',
    'stroke-linecap': 'round',
  };
  // Beyond six, colours alone are hard to tell apart.
  const dash = at >= 6 ? '7 5' : undefined;
  const found = runs(points);
  const lines = found
    .filter((run) => run.length > 1)
    .map((run) => element('path', { d: pathOf(run), ...style, 'stroke-dasharray': dash }));
  const last = found.at(-1)?.at(-1);
  const dots = [...found.filter((run) => run.length === 1).flat(), ...(last === undefined ? [] : [last])];
  const rings = [...new Set(dots)].map(({ x, y }) =>
    element('circle', { cx: x, cy: y, r: thick + 1.5, fill: color, stroke: sheet.colors.back, 'stroke-width': 1.5 }),
  );
  return [...lines, ...rings].join('');
}

interface AreaOn {
  sheet: Sheet;
  plot: Plot;
  scale: Scale;
  at: number;
}

function drawArea(points: readonly (Point | undefined)[], { sheet, plot, scale, at }: AreaOn): string {
  const floor = decimal(plot.bottom - scale.zero * (plot.bottom - plot.top));
  return runs(points)
    .filter((run) => run.length > 1)
    .map((run) => {
      const d = `${pathOf(run)}L${decimal(run.at(-1)?.x ?? 0)} ${floor}L${decimal(run[0]?.x ?? 0)} ${floor}Z`;
      return element('path', { d, fill: seriesColor(sheet.colors, at), 'fill-opacity': 0.16 });
    })
    .join('');
}
