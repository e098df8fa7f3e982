import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  cutColumns,
  cutText,
  describeDelta,
  displayWidth,
  escapeHtml,
  escapeMrkdwn,
  formatDuration,
  formatInstant,
  formatNumber,
  graphemeEnd,
  oneLine,
  plainText,
  safeUrl,
  splitColumns,
} from '../../src/render/format.ts';
import type { Delta } from '../../src/store/report-sections.ts';

const FAMILY = '👨‍👩‍👧‍👦';

describe('cutting text', () => {
  it('never cuts a grapheme or a surrogate pair, and says that it cut', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 60 }), fc.integer({ min: 2, max: 40 }), (text, max) => {
        const cut = cutText(text, max);
        expect(cut.length).toBeLessThanOrEqual(max);
        expect(cut.isWellFormed()).toBe(text.isWellFormed());
        if (text.length > max) expect(cut.endsWith('…')).toBe(true);
        else expect(cut).toBe(text);
      }),
      { seed: 1 },
    );
    expect(cutText(`ab${FAMILY}cd`, 8)).toBe('ab…');
    expect(cutText(`ab${FAMILY}`, 13)).toBe(`ab${FAMILY}`);
  });

  it('cuts a letter under a heap of accents between code points rather than not at all', () => {
    const heap = `a${'\u0301'.repeat(5_000)}`;
    expect(graphemeEnd(heap, 100)).toBe(100);
    expect(graphemeEnd(FAMILY, 3)).toBeGreaterThan(0);
  });
});

describe('columns', () => {
  it.each([
    ['abc', 3],
    ['売上', 4],
    ['한국', 4],
    [FAMILY, 2],
    ['🎉', 2],
    ['🇩🇪', 2],
    ['1️⃣', 2],
    ['é', 1],
    ['e\u0301', 1],
    ['مرحبا', 5],
    ['a\u200bb', 2],
    ['', 0],
  ])('%j takes %d', (text, columns) => {
    expect(displayWidth(text)).toBe(columns);
  });

  it('are never exceeded by a cut or a split', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 80 }), fc.integer({ min: 4, max: 30 }), (text, width) => {
        expect(displayWidth(cutColumns(text, width))).toBeLessThanOrEqual(width);
        const parts = splitColumns(text, width);
        expect(parts.join('')).toBe(text);
        for (const part of parts) expect(displayWidth(part)).toBeLessThanOrEqual(width);
      }),
      { seed: 2 },
    );
  });
});

describe('plain text', () => {
  it('has no escape sequence, control character or bidi override, and nothing else is lost', () => {
    expect(plainText('a\u001b[31mred\u001b[0m b\u0007c\u009bd\u202eevil\u202c')).toBe('ared bcdevil');
    expect(plainText('x\u001b]8;;http://evil\u0007link\u001b]8;;\u0007y')).toBe('xlinky');
    expect(plainText('one\r\ntwo\ttabs')).toBe('one\ntwo\ttabs');
    expect(plainText('start \u001b]0;title without an end\nthe rest stays')).toBe('start \nthe rest stays');
    expect(oneLine(' a\n\n b\t c ')).toBe('a b c');
  });

  it('is escaped for where it goes', () => {
    expect(escapeMrkdwn('<!channel> & <@U1>')).toBe('&lt;!channel&gt; &amp; &lt;@U1&gt;');
    expect(escapeHtml('<a href="x">&')).toBe('&lt;a href=&quot;x&quot;&gt;&amp;');
  });
});

describe('addresses', () => {
  it.each(['https://example.com/a?b=1', 'http://x.y', 'mailto:a@b.de', 'HTTPS://EXAMPLE.COM'])(
    '%s is a link',
    (url) => {
      expect(safeUrl(url)).toBe(url);
    },
  );
  it.each([
    'javascript:alert(1)',
    'data:text/html,x',
    '//evil.example',
    'https://a b',
    'https://',
    'ftp://x',
    'vbscript:x',
    ' java\nscript:x',
    '',
  ])('%j is not', (url) => {
    expect(safeUrl(url)).toBeUndefined();
  });
});

describe('numbers and times', () => {
  const delta = (over: Partial<Delta>): Delta => ({ value: 9.5, unit: 'percent', versus: 'W46', good: 'up', ...over });
  it.each([
    [delta({}), 'good', '▲ up 9.5% vs W46'],
    [delta({ value: -2.1 }), 'bad', '▼ down 2.1% vs W46'],
    [delta({ value: -0.8, unit: 'percentage_point', good: 'down' }), 'good', '▼ down 0.8 pp vs W46'],
    [delta({ value: 3, unit: 'absolute', good: 'neutral' }), 'neutral', '▲ up 3 vs W46'],
    [delta({ value: 0 }), 'neutral', '■ no change vs W46'],
  ])('a change says its direction in words', (input, tone, text) => {
    expect(describeDelta(input, 'en-US')).toEqual({ tone, text });
  });

  it('are written as in the locale, and an unknown locale or zone is no error', () => {
    expect(formatNumber(1234.567, 'de-DE')).toBe('1.234,57');
    expect(formatNumber(1234.567, 'no such locale!')).toBe('1,234.57');
    const place = { locale: 'en-US', timeZone: 'UTC' };
    expect(formatInstant('2026-11-23T09:00:00.000Z', place)).toBe('Nov 23, 2026, 09:00 UTC');
    expect(formatInstant('2026-11-23T09:00:00.000Z', { ...place, timeZone: 'Mars/Olympus' })).toContain('UTC');
    expect(formatInstant('2026-11-23T09:00:00.000Z', { ...place, timeZone: 'Europe/Berlin' })).toContain('10:00');
  });

  it.each([
    [0, '0 ms'],
    [850, '850 ms'],
    [4_200, '4.2 s'],
    [59_960, '1 min 0 s'],
    [185_000, '3 min 5 s'],
    [7_440_000, '2 h 4 min'],
  ])('%d ms is %s', (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });
});
