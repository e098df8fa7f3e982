/** How agents name what they speak of. */
import type { KnownTarget } from 'bellhop';

/** `{{product.4711}}`: the house writes the title, marked as a name, so that nothing in it is read as a figure, a mention or a link. */
export const called = ({ type, id }: KnownTarget): string => `{{${type}.${id}}}`;

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
