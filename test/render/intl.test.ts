import { describe, expect, test } from 'vitest';
import { dateFormat, numberFormat } from '../../src/render/intl.ts';

describe('formatters', () => {
  test('a formatter of one locale and shape is made once, however often it is asked for', () => {
    expect(numberFormat('de', { maximumFractionDigits: 2 })).toBe(numberFormat('de', { maximumFractionDigits: 2 }));
    expect(dateFormat('de', { year: 'numeric', timeZone: 'UTC' })).toBe(
      dateFormat('de', { year: 'numeric', timeZone: 'UTC' }),
    );
  });

  test('an unknown locale is tried once, and its formatter is that of en-US', () => {
    expect(numberFormat('no such', {})).toBe(numberFormat('no such', {}));
    expect(numberFormat('no such', {}).format(1204.5)).toBe('1,204.5');
  });

  test('an unknown locale keeps the zone, an unknown zone is UTC', () => {
    const at = Date.parse('2026-11-22T23:30:00Z');
    const day = { day: 'numeric', month: 'short', year: 'numeric' } as const;
    expect(dateFormat('no such', { ...day, timeZone: 'Europe/Berlin' }).format(at)).toBe('Nov 23, 2026');
    expect(dateFormat('de', { ...day, timeZone: 'No/Where' }).format(at)).toBe('Nov 22, 2026');
  });

  test('a locale that many others pushed out is written as before', () => {
    const before = numberFormat('de', {}).format(1204.5);
    for (let digits = 0; digits < 21; digits++)
      for (const locale of ['fr', 'it', 'es', 'nl', 'sv', 'fi'])
        numberFormat(locale, { minimumFractionDigits: digits, maximumFractionDigits: digits });
    expect(numberFormat('de', {}).format(1204.5)).toBe(before);
  });
});
