/** How numbers become facts: shares and changes that cannot be said are null, never a division by zero. */
import type { FactWindow } from '../../../../../store/agent-records.ts';
import type { KnownTarget, NewFact } from '../../../../agent-job.ts';
import { minorDigits, toMajor } from './money.ts';

type Good = NonNullable<NewFact['good']>;
/** A value under its key; `null` is said as such. */
export interface Figure {
  key: string;
  label: string;
  value: number | null;
  good?: Good;
  window?: FactWindow;
}

const TITLE_LENGTH = 80;
/** Room for the title within a label of 160 characters. */
const LABEL_TITLE = 60;

export function moneyFact({ value, ...figure }: Figure, currency: string): NewFact {
  const major = value === null ? null : toMajor(value, currency);
  return { ...figure, value: major, unit: 'money', currency, digits: minorDigits(currency) };
}
export function countFact(figure: Figure): NewFact {
  return { ...figure, unit: 'count', digits: 0 };
}
export function percentFact({ value, ...figure }: Figure, unit: 'percent' | 'percentage_point' = 'percent'): NewFact {
  return { ...figure, value: value === null ? null : roundTo(value, 2), unit, digits: 1 };
}
export function daysFact({ value, ...figure }: Figure, digits = 1): NewFact {
  return { ...figure, value: value === null ? null : roundTo(value, digits), unit: 'days', digits };
}
export function ratioFact({ value, ...figure }: Figure): NewFact {
  return {
    ...figure,
    value: value === null ? null : roundTo(value, 2),
    unit: 'ratio',
    digits: value !== null && Math.abs(value) >= 1 ? 1 : 2,
  };
}

/** `part` of `whole` in percent; null where there is no whole. */
export function percentOf(part: number, whole: number): number | null {
  return whole > 0 ? (part / whole) * 100 : null;
}
/** By how much `now` is above `before`, in percent of it; null where there is nothing to compare with. */
export function changeOf(now: number | null, before: number | null): number | null {
  return now === null || before === null || before <= 0 ? null : ((now - before) / before) * 100;
}
export function differenceOf(now: number | null, before: number | null): number | null {
  return now === null || before === null ? null : now - before;
}
export function divide(part: number, whole: number): number | null {
  return whole > 0 ? part / whole : null;
}
export function roundTo(value: number, digits: number): number {
  const scale = 10 ** digits;
  // Not -0, which would be shown as such.
  return Math.round(value * scale) / scale + 0;
}

/** A title as it may leave: one line, no characters that hide or turn text, no `{{fact}}`, at most 80 characters. */
export function clipTitle(title: string, length = TITLE_LENGTH): string {
  // A hundred thousand characters are not looked at for the sake of eighty.
  const plain = title
    .slice(0, length * 20)
    .replaceAll(/[\p{C}\p{Zl}\p{Zp}]/gu, ' ')
    .replaceAll(/\{{2,}/g, '{')
    .replaceAll(/\s+/g, ' ')
    .trim();
  const letters = Array.from(plain);
  if (letters.length === 0) return 'untitled';
  return letters.length <= length ? plain : `${letters.slice(0, length - 1).join('')}…`;
}
/** The label of a fact about one thing: what is said of it, and its title. */
export function labelOf(what: string, title: string): string {
  return `${what}: ${clipTitle(title, LABEL_TITLE)}`;
}
export function targetOf(type: string, { id, title }: { id: string; title: string }): KnownTarget {
  return { type, id, title: clipTitle(title) };
}

/** The first `most` of a list, and what is said when it was longer. */
export function firstOf<T>(rows: readonly T[], most: number, what: string): { rows: readonly T[]; gaps: string[] } {
  if (rows.length <= most) return { rows, gaps: [] };
  return { rows: rows.slice(0, most), gaps: [`only ${most} of ${rows.length.toLocaleString('en')} ${what}`] };
}
