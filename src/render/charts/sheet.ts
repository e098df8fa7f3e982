/** What stands around the plot of every chart: title, what is measured, the legend, and the labels of the categories. */
import type { Chart } from '../../store/report-sections.ts';
import { cleanText, element, label } from './markup.ts';
import { textWidth, wrapText } from './measure.ts';
import { seriesColor } from './palette.ts';
import type { ChartColors } from './palette.ts';

export type XyChart = Extract<Chart, { series: unknown }>;
export type PieChart = Extract<Chart, { type: 'pie' }>;

/** The paper a chart is drawn on; `size` is that of its labels. */
export interface Sheet {
  width: number;
  size: number;
  margin: number;
  colors: ChartColors;
  locale: string;
}

/** Markup, and the y where it ends. */
export interface Drawn {
  svg: string;
  bottom: number;
}

export function createSheet(width: number, colors: ChartColors, locale: string): Sheet {
  const size = Math.min(15, Math.max(12, width / 40));
  return { width, size, margin: Math.round(size * 1.2), colors, locale };
}

/** Title and subtitle at the top left. */
export function drawHead(sheet: Sheet, { title, subtitle }: { title: string; subtitle: string }): Drawn {
  const { margin, colors, size } = sheet;
  const width = sheet.width - 2 * margin;
  const titleSize = size * 1.3;
  let y = margin;
  let svg = '';
  for (const line of wrapText(cleanText(title), { width, size: titleSize, weight: 'bold', lines: 2 })) {
    y += titleSize;
    svg += label(line, { x: margin, y, size: titleSize, color: colors.ink, weight: 'bold' });
    y += titleSize * 0.3;
  }
  const clean = cleanText(subtitle);
  if (clean !== '') {
    y += size;
    svg += label(clean, { x: margin, y, size, color: colors.muted, width });
    y += size * 0.3;
  }
  return { svg, bottom: y + size * 0.5 };
}

/** Behind every number only what is as short as `%` or `kg`; a longer unit is said once, above. */
const SHORT_UNIT = 2;

/** The chart with its unit where it is short, else that unit apart. */
export function splitUnit(chart: Chart): { chart: Chart; unit: string | undefined } {
  const unit = chart.unit === undefined ? '' : cleanText(chart.unit);
  if (unit.length <= SHORT_UNIT) return { chart, unit: undefined };
  const { unit: _, ...rest } = chart;
  return { chart: rest, unit };
}

/** What is measured: the name of a lone series, the label of the axis and the unit, without what the title says already. */
export function subtitleOf(chart: Chart, { title, unit }: { title: string; unit: string | undefined }): string {
  const words = (text: string): string => ` ${cleanText(text).toLowerCase()} `;
  const said = words(title);
  const measured = chart.type === 'pie' ? [] : [chart.series.length === 1 ? chart.series[0]?.name : '', chart.yLabel];
  const parts = [...measured, unit].map((part) => cleanText(part ?? '')).filter((part) => part !== '');
  return parts.filter((part, index) => parts.indexOf(part) === index && !said.includes(words(part))).join(' · ');
}

/** Names beside their colours, in as many rows as they need, with room below. */
export function drawLegend(sheet: Sheet, names: readonly string[], top: number): Drawn {
  const { margin, size, colors } = sheet;
  const room = sheet.width - 2 * margin;
  const swatch = size * 0.75;
  const lead = swatch + size * 0.45;
  let x = margin;
  let y = top + size * 0.95;
  let svg = '';
  for (const [index, name] of names.entries()) {
    const width = Math.min(lead + textWidth(cleanText(name), size), room);
    if (x > margin && x + width > margin + room) {
      x = margin;
      y += size * 1.5;
    }
    const color = seriesColor(colors, index);
    svg += element('rect', { x, y: y - swatch, width: swatch, height: swatch, rx: 2, fill: color });
    svg += label(name, { x: x + lead, y, size, color: colors.ink, width: width - lead + 0.5 });
    x += width + size * 1.3;
  }
  return { svg, bottom: y + size * 0.4 };
}

/** The part of the sheet where values are drawn. */
export interface Plot {
  left: number;
  right: number;
  top: number;
  bottom: number;
}

/**
 * Labels below the plot at their categories' middles; where they would touch, only every second, third, … is written, counted from the
 * last, which is what people look for.
 */
export function drawCategories(sheet: Sheet, chart: XyChart, at: { plot: Plot; x: (index: number) => number }): Drawn {
  const { size, colors, margin } = sheet;
  const { plot, x } = at;
  const names = chart.categories.map(cleanText);
  const widest = (plot.right - plot.left) * (names.length < 4 ? 0.32 : 0.22);
  const widths = names.map((name) => Math.min(textWidth(name, size), widest));
  const y = plot.bottom + size * 1.65;
  const places = widths.map((width, index) => ({
    width,
    middle: Math.min(sheet.width - margin / 2 - width / 2, Math.max(margin / 2 + width / 2, x(index))),
  }));
  const every = strideOf(places, size * 0.6);
  const labels = names.map((name, index) => {
    if ((names.length - 1 - index) % every !== 0) return '';
    const style = { x: places[index]?.middle ?? 0, y, size, color: colors.muted, anchor: 'middle' } as const;
    return label(name, { ...style, width: widest });
  });
  const svg = labels.join('');
  if (chart.xLabel === undefined) return { svg, bottom: y + size * 0.4 };
  const below = y + size * 1.5;
  const style = {
    x: plot.right,
    y: below,
    size,
    color: colors.muted,
    anchor: 'end',
    width: plot.right - margin,
  } as const;
  return { svg: svg + label(chart.xLabel, style), bottom: below + size * 0.4 };
}

/** How many labels lie from one that is written to the next, so that no two of them touch. */
function strideOf(places: readonly { width: number; middle: number }[], gap: number): number {
  for (let every = 1; every < places.length; every++) {
    const written = places.filter((_, index) => (places.length - 1 - index) % every === 0);
    const free = written.every(({ middle, width }, index) => {
      const before = written[index - 1];
      return before === undefined || before.middle + before.width / 2 + gap <= middle - width / 2;
    });
    if (free) return every;
  }
  return places.length;
}

/** A height for plots that suits the width: flatter on wide paper. */
export function plotHeight({ width }: Sheet): number {
  return Math.min(380, Math.max(165, width * 0.42));
}
