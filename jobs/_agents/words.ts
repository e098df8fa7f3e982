/** How agents name what they speak of. */
import type { KnownTarget } from 'bellhop';

// What reads as an amount is no name: code lets numbers stand in names only.
const AMOUNT =
  /[%\p{Sc}]|\p{N}\s*(?:per ?cent|percentage|dollars?|euros?|pounds?|cents|units|orders|sales|pp)\b|^[\p{N}\p{P}\p{S}\s]*$/iu;

/**
 * A name as one may show it: whoever writes the catalogue writes it, so nothing in it is a mention, a link or a line of its own, and
 * what reads as an amount (“SAVE 30%”) is shown without its numbers: figures come from facts alone.
 */
export function called(target: KnownTarget): string {
  const plain = plainName(target);
  const short = plain.length > 60 ? `${plain.slice(0, 59).replace(/[\ud800-\udbff]$/, '')}…` : plain;
  const name = short !== target.title || AMOUNT.test(short) ? short.replace(/\p{N}[\p{N}.,]*/gu, '…') : short;
  return /[\p{L}]/u.test(name) ? `“${name}”` : `the ${target.type} of id ${target.id}`;
}

/** On one line, without what could be a mention, a link, a placeholder or markup; numbers stay: for tables, where a name is a name. */
export function plainName({ title }: Pick<KnownTarget, 'title'>): string {
  return title
    .replace(/\p{C}+/gu, ' ')
    .replace(/\b(?:https?:\/*|www\.)\S*/gi, ' ')
    .replace(/[{}<>@#`*_[\]|\\]/g, ' ')
    .replace(/\s+/g, ' ')
    .trim();
}

/** `16 – 22 Nov 2026`. */
export function rangeLabel({ from, to }: { from: string; to: string }): string {
  const format = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', year: 'numeric', timeZone: 'UTC' });
  return format.formatRange(Date.parse(from), Date.parse(to)).replace(/[\u2009\u202f]/g, ' ');
}

/** `{{product.4711.revenue}}`. */
export const cite = (target: { type: string; id: string }, what: string): string =>
  `{{${target.type}.${target.id}.${what}}}`;

export const ref = ({ type, id }: KnownTarget): { type: string; id: string } => ({ type, id });
