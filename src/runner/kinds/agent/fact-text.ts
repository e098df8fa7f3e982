/** A fact as people read it: its number with its unit, as a locale writes it. */
import type { Fact } from '../../../store/agent-records.ts';
import { foreignText } from './harmless-text.ts';

const MAX_TEXT = 80;
export const NOT_KNOWN = 'n/a';

/** As people read it: `$18,235`, `-12.3%`, `3 days`. A text is harmless as plain text; markdown needs escaping. */
export function formatFact(fact: Pick<Fact, 'key' | 'value' | 'unit' | 'currency' | 'digits'>, locale: string): string {
  const { value, unit } = fact;
  if (value === null || value === '') return NOT_KNOWN;
  if (typeof value === 'string')
    return unit === 'date' ? day(value, locale) : foreignText(value, MAX_TEXT) || NOT_KNOWN;
  if (!Number.isFinite(value)) return NOT_KNOWN;
  return measured(value, fact, locale);
}

function measured(value: number, fact: Pick<Fact, 'key' | 'unit' | 'currency' | 'digits'>, locale: string): string {
  const { digits, unit, currency } = fact;
  const write = (most: number, shape: Intl.NumberFormatOptions = {}): string =>
    number(value, locale, { ...decimals(digits, most), ...huge(value), signDisplay: 'negative', ...shape });
  switch (unit) {
    case 'money': {
      // Cents say something below a hundred, and nothing from a thousand on; else the currency says how many there are.
      const whole = Math.abs(value) >= 100 || Number.isInteger(value);
      const cents =
        Math.abs(value) >= 1_000
          ? decimals(0, 0)
          : digits !== undefined
            ? decimals(digits, digits)
            : whole
              ? decimals(0, 0)
              : {};
      const style =
        currency === undefined
          ? decimals(Math.abs(value) >= 1_000 ? 0 : digits, whole ? 0 : 2)
          : { style: 'currency' as const, currency };
      return number(value, locale, {
        signDisplay: 'negative',
        ...huge(value),
        ...style,
        ...(currency !== undefined && cents),
      });
    }
    case 'percent':
      return `${write(1, isChange(fact) ? { signDisplay: 'exceptZero' } : {})}%`;
    case 'percentage_point':
      return `${write(1, isSize(fact) ? {} : { signDisplay: 'exceptZero' })} pp`;
    case 'days':
      return write(1, { style: 'unit', unit: 'day', unitDisplay: 'long' });
    case 'hours':
      return write(1, { style: 'unit', unit: 'hour', unitDisplay: 'long' });
    case 'date':
    case 'text':
      return String(value);
    case 'count':
    case 'ratio':
      return write(2);
    default:
      return unit satisfies never;
  }
}

/** The key of a change whose direction is said in words. */
export const SIZE = 'size';
function isSize({ key }: Pick<Fact, 'key'>): boolean {
  return key === SIZE;
}

/** Whether a fact is a change against an earlier one, so that its sign is part of what it says. */
export function isChange({ key, unit }: Pick<Fact, 'key' | 'unit'>): boolean {
  return unit === 'percentage_point' || /\.change(?:[._]|$)/.test(key);
}

function decimals(digits: number | undefined, most: number): Intl.NumberFormatOptions {
  return { minimumFractionDigits: digits ?? 0, maximumFractionDigits: digits ?? most };
}

/** Three hundred digits help nobody. */
function huge(value: number): Intl.NumberFormatOptions {
  return Math.abs(value) < 1e15 ? {} : { notation: 'scientific' };
}

function day(text: string, locale: string): string {
  const at = Date.parse(text);
  if (!/^\d{4}-\d{2}-\d{2}/.test(text) || Number.isNaN(at)) return foreignText(text, MAX_TEXT) || NOT_KNOWN;
  return dateText(at, locale, 'UTC');
}

/** `Nov 16, 2026` in a locale and zone; unknown ones are en-US and UTC. */
export function dateText(at: number, locale: string, timeZone: string): string {
  const shape = { day: 'numeric', month: 'short', year: 'numeric' } as const;
  return firstOf(
    () => new Intl.DateTimeFormat(locale, { ...shape, timeZone }),
    () => new Intl.DateTimeFormat('en-US', { ...shape, timeZone: 'UTC' }),
  ).format(at);
}

/** How numbers are written; making a formatter costs a hundred times what using it does. */
const KEPT = new Map<string, Intl.NumberFormat>();
const MAX_KEPT = 100;

function number(value: number, locale: string, shape: Intl.NumberFormatOptions): string {
  const name = `${locale}\n${JSON.stringify(shape)}`;
  let format = KEPT.get(name);
  if (format === undefined) {
    format = firstOf(
      () => new Intl.NumberFormat(locale, shape),
      () => new Intl.NumberFormat('en-US', shape),
    );
    if (KEPT.size >= MAX_KEPT) KEPT.clear();
    KEPT.set(name, format);
  }
  return format.format(value);
}

/** A locale that is none is written as en-US: a report is worth more than its commas. */
function firstOf<T>(make: () => T, other: () => T): T {
  try {
    return make();
  } catch (error) {
    if (error instanceof RangeError) return other();
    throw error;
  }
}
