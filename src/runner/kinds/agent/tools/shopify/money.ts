/** Money as whole minor units: exact sums, for any currency. */

const digits = new Map<string, number>();

/** Decimal places of a currency by ISO 4217: 2 for EUR, 0 for JPY, 3 for KWD. */
export function minorDigits(currency: string): number {
  let found = digits.get(currency);
  if (found === undefined) {
    const format = new Intl.NumberFormat('en', { style: 'currency', currency });
    found = format.resolvedOptions().maximumFractionDigits ?? 2;
    digits.set(currency, found);
  }
  return found;
}

/** `"12.5"` of EUR is 1250. Digits below the minor unit are rounded, half away from zero; undefined: no amount, or one beyond exact sums. */
export function toMinor(text: string, currency: string): number | undefined {
  const parts = /^(-?)(\d{1,13})(?:\.(\d{1,12}))?$/.exec(text);
  if (parts === null) return undefined;
  const [, sign = '', whole = '', fraction = ''] = parts;
  const places = minorDigits(currency);
  const kept = Number(whole + fraction.slice(0, places).padEnd(places, '0'));
  const minor = kept + (Number(fraction.charAt(places)) >= 5 ? 1 : 0);
  if (!Number.isSafeInteger(minor)) return undefined;
  return sign === '-' && minor !== 0 ? -minor : minor;
}

/** 1823550 of EUR is 18235.5. */
export function toMajor(minor: number, currency: string): number {
  return minor / 10 ** minorDigits(currency);
}
