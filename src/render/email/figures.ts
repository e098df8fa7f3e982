/** Figures as tiles, three to a row; narrow screens stack them. */
import type { Figure } from '../../store/report-sections.ts';
import { drawSpark } from '../charts/svg.ts';
import { describeDelta, displayWidth, escapeHtml, oneLine } from '../format.ts';
import type { Tone } from '../format.ts';
import { PALETTE } from './palette.ts';

const C = PALETTE.light;
const D = PALETTE.dark;
/** Of the row, by how many stand in it; the gaps take the rest. */
const SHARE: Record<number, string> = { 1: '100%', 2: '49%', 3: '32%' };
const TONE_COLOR: Record<Tone, string> = { good: C.good, bad: C.bad, neutral: C.muted };
const GAP = '<td class="gap" width="12" style="width:12px;font-size:0;line-height:0">&nbsp;</td>';
/** Of the small bars. */
const SPARK = { values: 12, height: 22 };

interface Place {
  locale: string;
  frame: 'mail' | 'page';
}

export function figuresToHtml(figures: readonly Figure[], place: Place): string {
  // Four are two pairs: three and a lonely one look like a mistake.
  const across = figures.length === 4 ? 2 : Math.min(3, figures.length);
  const rows: string[] = [];
  for (let at = 0; at < figures.length; at += across) {
    const cells = figures.slice(at, at + across).map((figure) => figureCell(figure, { ...place, across }));
    while (cells.length < across) cells.push(`<td class="fig" width="${SHARE[across]}"></td>`);
    rows.push(`<tr>${cells.join(GAP)}</tr>`);
  }
  const between = `<tr><td colspan="${across * 2 - 1}" height="12" class="gap" style="height:12px;font-size:0;line-height:0">&nbsp;</td></tr>`;
  return `<table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0" style="margin:18px 0">${rows.join(between)}</table>`;
}

function figureCell(figure: Figure, place: Place & { across: number }): string {
  const delta = figure.delta === undefined ? undefined : describeDelta(figure.delta, place.locale);
  const change =
    delta === undefined
      ? ''
      : `<div dir="auto" class="${delta.tone}" style="margin:2px 0 0;font-size:13px;line-height:1.4;font-weight:600;color:${TONE_COLOR[delta.tone]}">${escapeHtml(oneLine(delta.text))}</div>`;
  const display = oneLine(figure.display);
  const width = displayWidth(display);
  const size = place.across === 1 || width <= 9 ? 27 : width <= 14 ? 20 : 16;
  const spark = figure.spark === undefined ? '' : sparkHtml(figure.spark, place.frame);
  return `<td class="fig tile" width="${SHARE[place.across]}" valign="top" style="padding:14px 16px;border-radius:10px;background:${C.tile}"><div dir="auto" class="muted" style="font-size:13px;line-height:1.4;color:${C.muted}">${escapeHtml(oneLine(figure.label))}</div><div dir="auto" class="ink" style="font-size:${size}px;line-height:1.3;font-weight:700;letter-spacing:-.02em;color:${C.ink};font-variant-numeric:tabular-nums">${escapeHtml(display)}</div>${change}${spark}</td>`;
}

function sparkHtml(values: readonly number[], frame: 'mail' | 'page'): string {
  if (frame === 'mail') return sparkBars(values);
  const draw = (color: string): string => drawSpark(values, { width: 160, height: 28, color });
  return `<div class="spark" style="margin:10px 0 0"><div class="by-day">${draw(C.link)}</div><div class="by-night" style="display:none">${draw(D.link)}</div></div>`;
}

/**
 * Bars made of cells, for no mail program draws SVG: the latest values from a base of zero, which keeps their proportions true. Left out
 * where a value is below it. Hidden from screen readers: the figure and its change say it in words.
 */
function sparkBars(values: readonly number[]): string {
  const latest = values.slice(-SPARK.values);
  const most = Math.max(...latest);
  if (most <= 0 || Math.min(...latest) < 0) return '';
  const bars = latest.map((value, at) => {
    const height = Math.max(1, Math.round((value / most) * SPARK.height));
    const [name, color] = at === latest.length - 1 ? ['now', C.link] : ['bar', C.bar];
    return `<td valign="bottom" style="padding:0 2px 0 0"><div class="${name}" style="width:6px;height:${height}px;background:${color};font-size:0;line-height:${height}px">&nbsp;</div></td>`;
  });
  return `<table role="presentation" aria-hidden="true" class="spark" cellpadding="0" cellspacing="0" border="0" style="margin:10px 0 0"><tr>${bars.join('')}</tr></table>`;
}
