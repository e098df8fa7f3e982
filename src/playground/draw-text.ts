import { displayWidth, plainText } from '../render/format.ts';
import { isJson, textOf } from './args.ts';
import type { Json } from './state.ts';

/** How names and emphasis are written. */
export interface TextStyle {
  /** The name of a user (`U…`) or channel (`C…`) id; undefined keeps the id. */
  nameOf: (id: string) => string | undefined;
  bold: (text: string) => string;
}

const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' });

// The few that Bellhop writes; others stay as they are typed.
const EMOJI: Readonly<Record<string, string>> = {
  white_check_mark: '✅',
  x: '❌',
  warning: '⚠️',
  hourglass_flowing_sand: '⏳',
  arrows_counterclockwise: '🔄',
  bellhop_bell: '🛎️',
  no_entry_sign: '🚫',
};

/** Slack's mrkdwn as people see it: entities, links, mentions, dates and emoji resolved; control bytes removed. */
export function drawMrkdwn(mrkdwn: string, style: TextStyle): string {
  const resolved = plainText(mrkdwn)
    .replace(/<([^<>]{1,4000})>/g, (_whole, inside: string) => drawReference(inside, style))
    .replace(/:([a-z0-9_+-]{1,60}):/g, (whole, name: string) => EMOJI[name] ?? whole)
    .replace(
      /(^|[\s(])\*(\S(?:[^*\n]*\S)?)\*(?=$|[\s).,:;!?])/gm,
      (_whole, before: string, inner: string) => before + style.bold(inner),
    );
  return unescapeEntities(resolved);
}

function unescapeEntities(text: string): string {
  return text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&');
}

function drawReference(inside: string, style: TextStyle): string {
  const [target = '', label] = inside.split('|', 2);
  if (target.startsWith('@')) return `@${label ?? style.nameOf(target.slice(1)) ?? target.slice(1)}`;
  if (target.startsWith('#')) return `#${label ?? style.nameOf(target.slice(1)) ?? target.slice(1)}`;
  if (target.startsWith('!date^')) return label ?? target;
  // A live <!channel> is drawn so that nobody overlooks it.
  if (target.startsWith('!')) return `@${(label ?? target.slice(1)).replace(/^@/, '').toUpperCase()}`;
  return label === undefined || label === target ? target : `${label} (${target})`;
}

/** A text object, or a plain string where Slack takes one. */
export function drawTextObject(value: unknown, style: TextStyle): string {
  if (typeof value === 'string') return plainText(value);
  if (!isJson(value)) return '';
  const text = textOf(value['text']) ?? '';
  return value['type'] === 'mrkdwn' ? drawMrkdwn(text, style) : plainText(text);
}

/** The inline elements of a rich text group. */
export function drawInlines(elements: unknown, style: TextStyle): string {
  if (!Array.isArray(elements)) return '';
  return elements.map((element: unknown) => (isJson(element) ? drawInline(element, style) : '')).join('');
}

function drawInline(inline: Json, style: TextStyle): string {
  const field = (name: string): string => plainText(textOf(inline[name]) ?? '');
  const text = field('text');
  switch (inline['type']) {
    case 'link':
      return text === '' || text === field('url') ? field('url') : `${text} (${field('url')})`;
    case 'user':
      return `@${style.nameOf(field('user_id')) ?? field('user_id')}`;
    case 'channel':
      return `#${style.nameOf(field('channel_id')) ?? field('channel_id')}`;
    case 'broadcast':
      return `@${field('range').toUpperCase()}`;
    case 'emoji':
      return EMOJI[field('name')] ?? `:${field('name')}:`;
    case 'date':
      return field('fallback');
    default:
      return isJson(inline['style']) && inline['style']['bold'] === true && text.trim() !== ''
        ? style.bold(text)
        : text;
  }
}

/** Breaks text into lines of at most `width` columns, between words where it can; nothing is left out. */
export function wrapColumns(text: string, width: number): string[] {
  return text.split('\n').flatMap((line) => wrapLine(line.replaceAll('\t', '    '), Math.max(8, width)));
}

function wrapLine(line: string, width: number): string[] {
  if (columns(line) <= width) return [line.trimEnd()];
  const lines: string[] = [];
  let current = '';
  for (const word of line.split(/(?<= )/)) {
    if (columns(current) + columns(word.trimEnd()) > width && current !== '') {
      lines.push(current.trimEnd());
      current = '';
    }
    for (const piece of pieces(word, width)) {
      if (columns(current) + columns(piece.trimEnd()) > width && current !== '') {
        lines.push(current.trimEnd());
        current = '';
      }
      current += piece;
    }
  }
  if (current.trim() !== '') lines.push(current.trimEnd());
  return lines;
}

/** A word in pieces that fit. */
function pieces(word: string, width: number): string[] {
  if (columns(word) <= width) return [word];
  const found: string[] = [];
  let current = '';
  for (const { segment } of graphemes.segment(word)) {
    if (columns(current) + columns(segment) > width) {
      found.push(current);
      current = '';
    }
    current += segment;
  }
  return current === '' ? found : [...found, current];
}

// The emphasis that we add ourselves takes no columns; everything else was stripped before.
// oxlint-disable-next-line no-control-regex -- ANSI sequences begin with ESC
const ANSI = /\u001b\[[0-9;]*m/g;

/** Columns of a text, our own emphasis not counted. */
export function columns(text: string): number {
  return displayWidth(text.replace(ANSI, ''));
}
