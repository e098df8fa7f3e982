/** Small pure pieces that every renderer needs: numbers, deltas, instants, and text that is cut, measured and escaped safely. */
import type { Delta } from '../store/report-sections.ts';
import { dateFormat, numberFormat } from './intl.ts';

const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' });

/** Cuts to at most `max` UTF-16 units on a grapheme boundary and ends with an ellipsis when something was left out. */
export function cutText(text: string, max: number): string {
  if (text.length <= max) return text;
  const end = graphemeEnd(text, Math.max(0, max - 1));
  return end < max ? `${text.slice(0, end)}…` : '…';
}

/**
 * The last grapheme boundary at or before `max` UTF-16 units, never 0: a single grapheme longer than that (a letter under
 * a heap of accents) is cut between code points.
 */
export function graphemeEnd(text: string, max: number): number {
  if (text.length <= max) return text.length;
  // Looking back a bounded way keeps this O(1) on a 400,000 character paragraph; a boundary found inside the window is real
  // unless one grapheme fills the window.
  const from = Math.max(0, max - 2_000);
  const start = from + (isLowSurrogate(text, from) ? 1 : 0);
  const hit = graphemes.segment(text.slice(start, max + 200)).containing(max - start);
  const end = start + (hit?.index ?? 0);
  if (end > start) return end;
  const cut = isLowSurrogate(text, max) ? max - 1 : max;
  return cut > 0 ? cut : isLowSurrogate(text, 1) ? 2 : 1;
}

function isLowSurrogate(text: string, index: number): boolean {
  const unit = text.charCodeAt(index);
  return unit >= 0xdc00 && unit <= 0xdfff;
}

// East Asian Width W and F (Unicode 17, EastAsianWidth.txt), in the ranges that matter in terminals and Slack's code font.
const WIDE: readonly (readonly [number, number])[] = [
  [0x1100, 0x115f],
  [0x2e80, 0x303e],
  [0x3041, 0x33ff],
  [0x3400, 0x4dbf],
  [0x4e00, 0x9fff],
  [0xa000, 0xa4cf],
  [0xa960, 0xa97f],
  [0xac00, 0xd7a3],
  [0xf900, 0xfaff],
  [0xfe10, 0xfe19],
  [0xfe30, 0xfe6f],
  [0xff01, 0xff60],
  [0xffe0, 0xffe6],
  [0x17000, 0x18cff],
  [0x1b000, 0x1b2ff],
  [0x1f200, 0x1f2ff],
  [0x20000, 0x3fffd],
];

// Letters, digits and signs that are a grapheme each whatever stands beside them within this set: Latin, Greek, Cyrillic, Hebrew and
// Arabic letters, punctuation, currencies, arrows, lines and blocks (one column), kana, ideographs, Hangul syllables and full-width
// forms (two). No mark, joiner, control, emoji or regional indicator is among them.
const NARROW =
  '\\x20-\\x7e\\xa0-\\xac\\xae-\\u02ff\\u0370-\\u0377\\u0384-\\u0482\\u048a-\\u0556\\u05d0-\\u05ea\\u0620-\\u064a\\u0660-\\u066d\\u0671-\\u06d3' +
  '\\u2010-\\u2027\\u2030-\\u205e\\u20a0-\\u20c0\\u2190-\\u2199\\u2500-\\u25fc';
const BROAD =
  '\\u3001-\\u3029\\u3041-\\u3096\\u309b-\\u30ff\\u3400-\\u4dbf\\u4e00-\\u9fff\\uac00-\\ud7a3\\uff01-\\uff60';
const NARROW_ONLY = new RegExp(`^[${NARROW}]*$`);
const SIMPLE_ONLY = new RegExp(`^[${NARROW}${BROAD}]*$`);
const BROAD_ONES = new RegExp(`[${BROAD}]`, 'g');

/** Columns that a text takes in a fixed-width font: 2 for East Asian wide characters and emoji, 0 for marks and controls. */
export function displayWidth(text: string): number {
  // Segmenting is a hundred times slower than this, and most text is simple.
  if (NARROW_ONLY.test(text)) return text.length;
  if (SIMPLE_ONLY.test(text)) return text.length + (text.match(BROAD_ONES)?.length ?? 0);
  let width = 0;
  for (const { segment } of graphemes.segment(text)) width += graphemeWidth(segment);
  return width;
}

/** The columns of the widest text; 0 of none. A loop, for a table may have more rows than a call takes arguments. */
export function widest(texts: readonly string[]): number {
  let width = 0;
  for (const text of texts) width = Math.max(width, displayWidth(text));
  return width;
}

/** Widths of graphemes that were measured; a text has few different ones. */
const WIDTHS = new Map<string, number>();
const MAX_WIDTHS = 10_000;

function graphemeWidth(grapheme: string): number {
  const known = WIDTHS.get(grapheme);
  if (known !== undefined) return known;
  const width = measured(grapheme);
  // A letter under a heap of accents is as long as its text.
  if (grapheme.length <= 40) {
    if (WIDTHS.size >= MAX_WIDTHS) WIDTHS.clear();
    WIDTHS.set(grapheme, width);
  }
  return width;
}

function measured(grapheme: string): number {
  const code = grapheme.codePointAt(0) ?? 0;
  if (code >= 0x20 && code < 0x7f) return grapheme.includes('\ufe0f') ? 2 : 1;
  if (/^(?:\p{Cc}|\p{Cf}|\p{M})+$/u.test(grapheme)) return 0;
  if (/^\p{Emoji_Presentation}|\p{Extended_Pictographic}\ufe0f|\p{Regional_Indicator}/u.test(grapheme)) return 2;
  return WIDE.some(([low, high]) => code >= low && code <= high) ? 2 : 1;
}

/** Pads with spaces to `width` columns. */
export function padColumns(text: string, width: number, align: 'left' | 'right' | 'center' = 'left'): string {
  const gap = Math.max(0, width - displayWidth(text));
  if (align === 'right') return ' '.repeat(gap) + text;
  if (align === 'center') return ' '.repeat(gap >> 1) + text + ' '.repeat(gap - (gap >> 1));
  return text + ' '.repeat(gap);
}

/** Cuts to at most `width` columns, with an ellipsis when something was left out. */
export function cutColumns(text: string, width: number): string {
  if (displayWidth(text) <= width) return text;
  let kept = '';
  let used = 1;
  for (const { segment } of graphemes.segment(text)) {
    used += graphemeWidth(segment);
    if (used > width) break;
    kept += segment;
  }
  return `${kept}…`;
}

/** Splits between graphemes into texts of at most `width` columns. */
export function splitColumns(text: string, width: number): string[] {
  if (displayWidth(text) <= width) return [text];
  const parts: string[] = [];
  let part = '';
  let used = 0;
  for (const { segment } of graphemes.segment(text)) {
    const columns = graphemeWidth(segment);
    if (used + columns > width && part !== '') {
      parts.push(part);
      part = '';
      used = 0;
    }
    part += segment;
    used += columns;
  }
  return [...parts, part];
}

// Whole escape sequences go first (CSI, OSC and DCS with their string, two-byte ones), so that their tails do not stay as text.
// An unterminated string ends with its line, so that it cannot swallow the report.
const ESCAPES =
  // oxlint-disable-next-line no-control-regex -- control characters are what this removes
  /\u001b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\u0007\u001b\n]{0,4000}(?:\u0007|\u001b\\)?|[@-Z\\])/g;
// C0 but tab and newline, DEL, C1, and the bidi overrides and isolates that reorder what stands around them.
// oxlint-disable-next-line no-control-regex -- control characters are what this removes
const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069\ufeff]/g;

// What most cells of a table are: nothing to remove.
const PRINTABLE = /^[\x20-\x7e\n]*$/;
const ONE_LINE = /^[\x21-\x7e]+(?: [\x21-\x7e]+)*$/;

/** Text without terminal escape sequences, control characters and bidi overrides; tabs and newlines stay. */
export function plainText(text: string): string {
  if (PRINTABLE.test(text)) return text;
  return text.replace(/\r\n?/g, '\n').replace(ESCAPES, '').replace(CONTROLS, '').toWellFormed();
}

/** Plain text on one line. */
export function oneLine(text: string): string {
  if (text.length < 500 && ONE_LINE.test(text)) return text;
  return plainText(text).replace(/\s+/g, ' ').trim();
}

/** The address when it is http, https or mailto and no longer than Slack takes (3,000), else undefined. */
export function safeUrl(url: string): string | undefined {
  const clean = url.trim();
  if (clean.length > 3_000 || !/^(?:https?:\/\/|mailto:)[^\s<>"]+$/i.test(clean)) return undefined;
  return URL.canParse(clean) ? clean : undefined;
}

/** For HTML text and double-quoted attributes. */
export function escapeHtml(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/"/g, '&quot;');
}

/** For every `text` and mrkdwn field of Slack: without `<`, nothing in it can mention or link (docs.slack.dev, "Formatting text"). */
export function escapeMrkdwn(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
}

export type Tone = 'good' | 'bad' | 'neutral';

/** A change in words that do not need colour: `▲ up 9.5% vs W46`. */
export function describeDelta(delta: Delta, locale: string): { tone: Tone; text: string } {
  const number = formatNumber(Math.abs(delta.value), locale);
  const amount = delta.unit === 'percent' ? `${number}%` : delta.unit === 'percentage_point' ? `${number} pp` : number;
  if (delta.value === 0) return { tone: 'neutral', text: `■ no change vs ${delta.versus}` };
  const rises = delta.value > 0;
  const tone = delta.good === 'neutral' ? 'neutral' : rises === (delta.good === 'up') ? 'good' : 'bad';
  return { tone, text: `${rises ? '▲ up' : '▼ down'} ${amount} vs ${delta.versus}` };
}

/** A number with at most two decimals, written as in `locale`; an unknown locale falls back to en-US. */
export function formatNumber(value: number, locale: string): string {
  return numberFormat(locale, { maximumFractionDigits: 2 }).format(value);
}

/** An instant as `23 Nov 2026, 09:00 UTC` in a locale and zone; unknown ones fall back to en-US and UTC. */
export function formatInstant(instant: string, place: { locale: string; timeZone: string }): string {
  const options = { day: 'numeric', month: 'short', year: 'numeric', hour: '2-digit', minute: '2-digit' } as const;
  const rest = { hourCycle: 'h23', timeZoneName: 'short' } as const;
  const zone = isTimeZone(place.timeZone) ? place.timeZone : 'UTC';
  return dateFormat(place.locale, { ...options, ...rest, timeZone: zone }).format(new Date(instant));
}

/** A duration in at most two units: `850 ms`, `4.2 s`, `3 min 5 s`, `2 h 4 min`. */
export function formatDuration(ms: number): string {
  if (ms < 1_000) return `${Math.max(0, Math.round(ms))} ms`;
  if (ms < 59_950) return `${(ms / 1_000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1_000);
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  const minutes = Math.round(seconds / 60);
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

function isTimeZone(timeZone: string): boolean {
  try {
    return new Intl.DateTimeFormat('en-US', { timeZone }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}
