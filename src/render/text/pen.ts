/**
 * Lines for a terminal as runs of styled text. Escape codes are written by `print` alone, which removes every control byte of the text it
 * is given: nothing that a job says can steer a terminal, however a line was made.
 */
import { displayWidth, plainText, splitColumns } from '../format.ts';
import type { Tone } from '../format.ts';
import type { Inline } from '../markdown.ts';

type Style = 'bold' | 'dim' | 'italic' | 'strike' | 'link' | Tone | 'warn';

export interface Span {
  text: string;
  styles?: readonly Style[];
  /** Where a click leads, on a terminal that knows OSC 8. */
  href?: string;
}
export type Line = readonly Span[];

export interface Pen {
  /** All columns: tables and charts use them. */
  width: number;
  color: 'ansi' | 'none';
  links: 'osc8' | 'written';
  rows: 'preview' | 'all';
  /** A table ends after so many rows and says which file has all of them. */
  cut?: { rows: number; file: string };
}

const SGR: Record<Style, readonly [string, string] | undefined> = {
  bold: ['1', '22'],
  dim: ['2', '22'],
  italic: ['3', '23'],
  strike: ['9', '29'],
  link: ['4', '24'],
  good: ['32', '39'],
  bad: ['31', '39'],
  warn: ['33', '39'],
  neutral: undefined,
};
const ESC = '\u001b';
/** Prose in longer lines is hard to read. */
const PROSE_COLUMNS = 100;
const MIN_COLUMNS = 20;

export function span(text: string, ...styles: Style[]): Span {
  return styles.length === 0 ? { text } : { text, styles };
}

/** A line as it goes to the terminal, without spaces at its end. */
export function print(line: Line, pen: Pen): string {
  const clean = line.map((one) => ({ ...one, text: plainText(one.text).replaceAll('\n', ' ') }));
  for (let last = clean.at(-1); last !== undefined; last = clean.at(-1)) {
    last.text = last.text.trimEnd();
    if (last.text !== '') break;
    clean.pop();
  }
  return clean.map((one) => paint(one, pen)).join('');
}

function paint({ text, styles = [], href }: Span, pen: Pen): string {
  if (text === '') return '';
  const codes = pen.color === 'ansi' ? styles.flatMap((style) => [SGR[style] ?? []]) : [];
  const painted = codes.reduce(
    (inner, [on, off]) => (on === undefined ? inner : `${ESC}[${on}m${inner}${ESC}[${off}m`),
    text,
  );
  if (href === undefined || pen.links === 'written') return painted;
  return `${ESC}]8;;${writtenUrl(href)}${ESC}\\${painted}${ESC}]8;;${ESC}\\`;
}

/** An address without control characters and spaces; they are percent-encoded, so that it leads to the same place. */
export function writtenUrl(url: string): string {
  return url.toWellFormed().replace(/[\p{Cc}\p{Cf}\s]/gu, (char) => encodeURIComponent(char));
}

export function widthOf(line: Line): number {
  return line.reduce((sum, { text }) => sum + displayWidth(text), 0);
}

/** The pen for what stands behind a lead of so many columns. */
export function narrower(pen: Pen, columns: number): Pen {
  return { ...pen, width: Math.max(MIN_COLUMNS, pen.width - columns) };
}

/** Puts the lead before the first line and as many spaces before the others. */
export function indent(lines: readonly Line[], lead: Span): Line[] {
  const space = span(' '.repeat(displayWidth(lead.text)));
  return lines.map((line, at) => [at === 0 ? lead : space, ...line]);
}

/** Wrapped text behind a lead, with a hanging indent. */
export function hang(lead: Span, inlines: readonly Inline[], pen: Pen): Line[] {
  return indent(wrap(inlines, narrower(pen, displayWidth(lead.text))), lead);
}

/** A title with a rule below it. */
export function heading(title: string, rule: '=' | '-', pen: Pen): Line[] {
  const columns = Math.min(proseWidth(pen), Math.max(1, displayWidth(title)));
  return [...wrap([{ text: title, bold: true }], pen), [span(rule.repeat(columns))]];
}

function proseWidth(pen: Pen): number {
  return Math.min(pen.width, PROSE_COLUMNS);
}

/** Whether a link's text says its address already. */
export function saysAddress({ text, href }: { text: string; href: string }): boolean {
  const bare = (url: string): string => url.replace(/^(?:https?:\/\/|mailto:)/, '').replace(/\/$/, '');
  return bare(text) === bare(href);
}

interface Word extends Span {
  /** An address: never broken. */
  whole: boolean;
}

/** Wraps at word boundaries; words wider than a line are broken between graphemes, addresses are not. */
export function wrap(inlines: readonly Inline[], pen: Pen): Line[] {
  const width = proseWidth(pen);
  const lines: Word[][] = [];
  let line: Word[] = [];
  let used = 0;
  let gap: Word | undefined;
  const flush = (): void => {
    lines.push(line);
    line = [];
    used = 0;
    gap = undefined;
  };
  const put = (word: Word): void => {
    if (gap !== undefined) line.push(gap);
    line.push(word);
    used += displayWidth(word.text) + (gap === undefined ? 0 : 1);
    gap = undefined;
  };
  for (const word of words(inlines, pen)) {
    if (word.text === '\n') flush();
    else if (word.text === ' ') gap = used > 0 ? word : undefined;
    else {
      if (used > 0 && used + (gap === undefined ? 0 : 1) + displayWidth(word.text) > width) flush();
      for (const piece of word.whole ? [word] : broken(word, width)) {
        if (used > 0 && used + displayWidth(piece.text) > width) flush();
        put(piece);
      }
    }
  }
  if (line.length > 0 || lines.length === 0) flush();
  return lines.map(joined);
}

/** Neighbours of one style are one run; a space between two words of one style belongs to both. */
function joined(line: readonly Word[]): Line {
  const runs: Span[] = [];
  for (const { text, styles = [], href } of line) {
    const last = runs.at(-1);
    if (last !== undefined && last.href === href && (last.styles ?? []).join() === styles.join()) last.text += text;
    else runs.push({ text, styles, ...(href === undefined ? {} : { href }) });
  }
  return runs;
}

function words(inlines: readonly Inline[], pen: Pen): Word[] {
  return inlines.flatMap((inline) => {
    const { href } = inline;
    const styles = stylesOf(inline);
    const link = href === undefined ? {} : { href };
    const list = inline.text
      .split(/(\n|[ \t]+)/)
      .filter((text) => text !== '')
      .map((text): Word => {
        if (text === '\n') return { text, whole: true };
        const shown = /^[ \t]+$/.test(text) ? ' ' : text;
        return { text: shown, styles, whole: /^(?:https?:\/\/|mailto:|<https?:)/.test(text), ...link };
      });
    if (href === undefined || pen.links === 'osc8' || saysAddress({ text: inline.text, href })) return list;
    return [...list, { text: ' ', whole: true }, { text: `<${writtenUrl(href)}>`, styles: ['dim'], whole: true }];
  });
}

function stylesOf({ bold, italic, strike, href }: Inline): Style[] {
  return [
    ...(bold ? (['bold'] as const) : []),
    ...(italic ? (['italic'] as const) : []),
    ...(strike ? (['strike'] as const) : []),
    ...(href === undefined ? [] : (['link'] as const)),
  ];
}

function broken(word: Word, width: number): Word[] {
  return splitColumns(word.text, width).map((text) => ({ ...word, text }));
}
