/** Texts with facts in them: `{{F7}}`, `{{sales.revenue}}`, and `{{product.4711}}` for a title. */
import type { Fact } from '../../../store/agent-records.ts';
import type { KnownTarget } from '../../agent-job.ts';
import { clip } from '../../normalise.ts';
import { NOT_KNOWN, SIZE, formatFact, isChange } from './fact-text.ts';
import type { FactBook } from './facts.ts';
import { escapeMarkdown, plainLine } from './harmless-text.ts';

/** A title within a sentence; tables have all of it. */
const MAX_NAME = 60;

/** What `{{F7}}` and `{{sales.revenue}}` look like. */
export const PLACEHOLDER = /\{\{\s*([A-Za-z][\w.-]{0,159})\s*\}\}/g;

/** What a placeholder may name: a fact, or a target by its type and id. */
export type Names = Pick<FactBook, 'find' | 'target'>;

export interface Filled {
  text: string;
  used: Fact[];
  unknown: string[];
}

/** A text with its `{{F7}}`, `{{sales.revenue}}` and `{{product.4711}}` (its title) filled in; `unknown` names the others. */
export function fillIn(text: string, book: Names, locale: string): Filled {
  return fill(text, book, { locale, write: (words) => words });
}

/** The same for a text that is markdown: what comes in from a shop stays text. */
export function fillMarkdown(text: string, book: Names, locale: string): Filled {
  return fill(text, book, { locale, write: escapeMarkdown });
}

function fill(text: string, book: Names, how: { locale: string; write: (words: string) => string }): Filled {
  const used = new Map<string, Fact>();
  const unknown: string[] = [];
  const filled = text.replace(PLACEHOLDER, (_, name: string, at: number) => {
    const fact = book.find(name);
    if (fact !== undefined) {
      used.set(fact.id, fact);
      return how.write(formatFact(unsigned(fact, directionBefore(text, at)), how.locale));
    }
    const target = targetNamed(name, book);
    if (target === undefined) unknown.push(name);
    return target === undefined ? NOT_KNOWN : how.write(called(target, isQuoted(text, at)));
  });
  return { text: filled, used: [...used.values()], unknown };
}

/**
 * A title between quotes, so that it reads as the name that it is, whatever it says: “Revenue rose by half” is a product here. Quotes in
 * it cannot end them, and nothing in it calls anybody; one without letters would read as a figure all the same.
 */
function called({ type, id, title }: KnownTarget, quoted: boolean): string {
  const plain = title.replace(/[“”„‟«»]/g, "'").replace(/[<>]|(?<![\p{L}\p{N}])[@＠](?=[\p{L}_])/gu, '');
  const name = clip(plainLine(plain), MAX_NAME);
  if (!/\p{L}/u.test(name)) return `${type} ${id}`;
  return quoted ? name : `“${name}”`;
}

function isQuoted(text: string, at: number): boolean {
  return /["“„«]$/.test(text.slice(Math.max(0, at - 1), at)) && /^[^{}]*\}\}["”“»]/.test(text.slice(at + 2, at + 200));
}

/** `product.4711`: the target of that type and id. */
export function targetNamed(name: string, book: Names): KnownTarget | undefined {
  const dot = name.indexOf('.');
  return dot < 0 ? undefined : book.target(name.slice(0, dot), name.slice(dot + 1));
}

const FELL = /\b(?:fell|dropped|declined|decreased|shrank|slipped|sank|lost|down|lower)(?: again)?(?: by)?[ (]*$/i;
const ROSE = /\b(?:rose|grew|increased|gained|climbed|jumped|up|higher)(?: again)?(?: by)?[ (]*$/i;

/** Which way the words before a placeholder say that it went: `fell by {{F7}}`. */
export function directionBefore(text: string, at: number): 'up' | 'down' | undefined {
  const before = text.slice(Math.max(0, at - 40), at);
  return FELL.test(before) ? 'down' : ROSE.test(before) ? 'up' : undefined;
}

/** Nothing falls by minus three percent: where the words have the direction, the figure has no sign. */
function unsigned(fact: Fact, direction: 'up' | 'down' | undefined): Fact {
  if (direction === undefined || typeof fact.value !== 'number' || !isChange(fact)) return fact;
  return { ...fact, value: Math.abs(fact.value), key: SIZE };
}

/** The facts that a text names. */
export function factsIn(text: string, book: Names): Fact[] {
  return fillIn(text, book, 'en-US').used;
}
