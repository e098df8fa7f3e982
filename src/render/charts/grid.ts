/** The lines behind the values and what they stand for. */
import { element, label } from './markup.ts';
import { textWidth } from './measure.ts';
import type { Scale } from './scale.ts';
import type { Plot, Sheet } from './sheet.ts';

/** The room that the labels of the ticks need on the left. */
export function tickRoom({ size }: Sheet, scale: Scale): number {
  return Math.max(0, ...scale.ticks.map(({ text }) => textWidth(text, size))) + size * 0.7;
}

export function drawGrid(sheet: Sheet, scale: Scale, plot: Plot): string {
  const { size, colors } = sheet;
  return scale.ticks
    .map(({ value, text }) => {
      const y = plot.bottom - scale.at(value) * (plot.bottom - plot.top);
      const line = { x1: plot.left, x2: plot.right, y1: y, y2: y, stroke: colors.grid };
      const style = {
        x: plot.left - size * 0.6,
        y: y + size * 0.35,
        size,
        color: colors.muted,
        anchor: 'end',
      } as const;
      return element('line', line) + label(text, style);
    })
    .join('');
}

/** The line of zero, which is stronger: what is below it is negative. */
export function drawZero({ colors }: Sheet, scale: Scale, plot: Plot): string {
  const y = plot.bottom - scale.zero * (plot.bottom - plot.top);
  return element('line', { x1: plot.left, x2: plot.right, y1: y, y2: y, stroke: colors.axis, 'stroke-width': 1.5 });
}
