/** SVG as text. Every attribute and every text passes through here: no number that is none, nothing unescaped. */
import { escapeHtml, oneLine } from '../format.ts';
import { fitText } from './measure.ts';
import type { Weight } from './measure.ts';

/** DejaVu is what pictures are drawn with; Verdana is as wide, for pages. */
const FONTS = "'DejaVu Sans', Verdana, 'Noto Sans', sans-serif";

export type Attributes = Readonly<Record<string, string | number | undefined>>;

export function element(name: string, attributes: Attributes, content = ''): string {
  const written = Object.entries(attributes)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ` ${key}="${typeof value === 'number' ? decimal(value) : escapeHtml(value ?? '')}"`)
    .join('');
  return content === '' ? `<${name}${written}/>` : `<${name}${written}>${content}</${name}>`;
}

/** At most two decimals; what is no number would make the whole picture invalid. */
export function decimal(value: number): string {
  return Number.isFinite(value) ? String(Math.round(value * 100) / 100 + 0) : '0';
}

/** One line without control characters, nor the code points that XML has not (XML 1.0, 2.2). */
export function cleanText(text: string): string {
  return oneLine(text.replace(/[\ufffe\uffff]/g, ''));
}

export interface TextStyle {
  x: number;
  y: number;
  size: number;
  color: string;
  weight?: Weight;
  anchor?: 'start' | 'middle' | 'end';
  /** Text wider than this is cut; the whole of it is the label's title. */
  width?: number;
}

/** A line of text with its baseline at (x, y). */
export function label(text: string, style: TextStyle): string {
  const { x, y, size, color, weight = 'regular', anchor = 'start', width = Number.POSITIVE_INFINITY } = style;
  const clean = cleanText(text);
  const fitted = fitText(clean, width, { size, weight });
  if (fitted.text === '') return '';
  const attributes = {
    x,
    y,
    'font-size': size,
    fill: color,
    'font-weight': weight === 'bold' ? 700 : undefined,
    'text-anchor': anchor === 'start' ? undefined : anchor,
  };
  const drawn = element('text', attributes, escapeHtml(fitted.text));
  return fitted.state === 'whole' ? drawn : element('g', {}, title(clean) + drawn);
}

function title(text: string): string {
  return `<title>${escapeHtml(cleanText(text))}</title>`;
}

/** The document: opaque ground, name for screen readers. Left to right also within a page that is not. */
export function svgDocument(
  size: { width: number; height: number; back: string; alt: string },
  content: string,
): string {
  const { width, height, back, alt } = size;
  const attributes = {
    xmlns: 'http://www.w3.org/2000/svg',
    width,
    height: Math.ceil(height),
    viewBox: `0 0 ${decimal(width)} ${Math.ceil(height)}`,
    role: 'img',
    direction: 'ltr',
    'font-family': FONTS,
  };
  const ground = element('rect', { width, height: Math.ceil(height), fill: back });
  return element('svg', attributes, title(alt) + ground + content);
}
