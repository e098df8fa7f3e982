/**
 * Parts of a whole. Not as a pie: angles are hard to compare, and twelve names do not fit around a circle. Each part is a bar on a track
 * that stands for the whole, with its value and its share.
 */
import { formatShort } from '../values.ts';
import { cleanText, element, label } from './markup.ts';
import { textWidth } from './measure.ts';
import { seriesColor } from './palette.ts';
import type { Drawn, PieChart, Sheet } from './sheet.ts';

export function drawShares(sheet: Sheet, chart: PieChart, top: number): Drawn {
  const { size, margin, colors, width } = sheet;
  // Divided first: the sum of values near the limit of a double is infinite.
  const most = Math.max(...chart.segments.map(({ value }) => value));
  const total = chart.segments.reduce((sum, { value }) => sum + value / most, 0);
  const parts = chart.segments.map(({ label: name, value }) => ({
    name: cleanText(name),
    share: value / most / total,
    value: formatShort(value, chart.unit, sheet.locale),
  }));
  const shareText = (share: number): string => writeShare(share, sheet.locale);
  const shares = Math.max(...parts.map(({ share }) => textWidth(shareText(share), size, 'bold')));
  const values = Math.max(...parts.map(({ value }) => textWidth(value, size)));
  const right = width - margin - shares - values - size * 1.8;
  const column = Math.min(Math.max(...parts.map(({ name }) => textWidth(name, size))), width * 0.42, right - size * 6);
  const left = margin + column + size * 0.8;
  const row = size * 1.95;
  const rows = parts.map(({ name, share, value }, index) => {
    const y = top + size * 0.7 + index * row;
    const bar = { y: y + row * 0.2, height: row * 0.6, rx: 2 };
    const base = y + row / 2 + size * 0.35;
    return [
      label(name, { x: margin, y: base, size, color: colors.ink, width: column + 0.5 }),
      element('rect', { ...bar, x: left, width: Math.max(1, right - left), fill: colors.track }),
      element('rect', { ...bar, x: left, width: Math.max(1, share * (right - left)), fill: seriesColor(colors, 0) }),
      label(shareText(share), {
        x: right + size * 0.9 + shares,
        y: base,
        size,
        color: colors.ink,
        weight: 'bold',
        anchor: 'end',
      }),
      label(value, { x: width - margin, y: base, size, color: colors.muted, anchor: 'end' }),
    ].join('');
  });
  return { svg: rows.join(''), bottom: top + size * 0.7 + row * parts.length };
}

/** `48%`, `3.2%`; a part that is there is never 0%. */
function writeShare(share: number, locale: string): string {
  const percent = share * 100;
  if (percent < 0.1) return `<${formatShort(0.1, '%', locale)}`;
  return formatShort(percent < 9.95 ? Math.round(percent * 10) / 10 : Math.round(percent), '%', locale);
}
