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
  const plain = target.title
    .replace(/\p{C}+/gu, ' ')
    .replace(/[{}<>@#`*_[\]|\\]/g, ' ')
    .replace(/\b(?:https?:\/*|www\.)\S*/gi, ' ')
    .replace(/\s+/g, ' ')
    .trim();
  const short = plain.length > 60 ? `${plain.slice(0, 59).replace(/[\ud800-\udbff]$/, '')}…` : plain;
  const name = short !== target.title || AMOUNT.test(short) ? short.replace(/\p{N}[\p{N}.,]*/gu, '…') : short;
  return /[\p{L}]/u.test(name) ? `“${name}”` : `the ${target.type} of id ${target.id}`;
}

/** `{{product.4711.revenue}}`. */
export const cite = (target: { type: string; id: string }, what: string): string =>
  `{{${target.type}.${target.id}.${what}}}`;

export const ref = ({ type, id }: KnownTarget): { type: string; id: string } => ({ type, id });
