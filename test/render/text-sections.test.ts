import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { displayWidth } from '../../src/render/format.ts';
import { renderText } from '../../src/render/text.ts';
import type { TextOptions } from '../../src/render/text.ts';
import { Report } from '../../src/store/report.ts';
import type { ReportInput } from '../../src/store/report.ts';
import { makeReport } from '../support/delivery-report.ts';
import { anyReport, hostileReport } from '../support/report-arbitrary.ts';
import { wordsOf } from '../support/report-words.ts';

type SectionInput = NonNullable<ReportInput['sections']>[number];
const weekly = Report.parse(
  JSON.parse(readFileSync(join(import.meta.dirname, '../fixtures/reports/weekly.json'), 'utf8')),
);
const WIDE = 84;

function draw(section: SectionInput, options: Partial<TextOptions> = {}): string {
  return renderText(makeReport({ sections: [section] }), { width: WIDE, color: 'none', ...options });
}
function linesWith(text: string, part: string): string[] {
  return text.split('\n').filter((line) => line.includes(part));
}
/** Without our own escape sequences: SGR and OSC 8. */
function unpainted(text: string): string {
  // oxlint-disable-next-line no-control-regex -- our own codes are what this removes
  return text.replace(/\u001b\[\d+m|\u001b\]8;;[^\u001b]*\u001b\\/g, '');
}
const STEERING =
  // oxlint-disable-next-line no-control-regex -- control characters are what this looks for
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/;

describe('figures and actions as text', () => {
  const text = renderText(weekly, { width: WIDE, color: 'none', rows: 'preview' });

  it('have their small line and their change in columns', () => {
    expect(text).toContain('Revenue      $55,930  ▁▂▁▂▃▃▄▅▅▅▆█  ▲ up 9.5% vs W46');
    expect(text).toContain('Return rate     3.1%                ▼ down 0.6 pp vs W46');
  });

  it('are numbered with what they are worth, and why, behind a hanging indent', () => {
    expect(text).toContain(
      '1. Reorder the Birch stool today · ≈ $3,900 at risk\n   41 left, 9.8 a day; the supplier needs six days.\n   https://example.com/p/birch-stool\n',
    );
    const long = draw({
      kind: 'actions',
      items: Array.from({ length: 11 }, () => ({ title: 'word '.repeat(30).trim() })),
    });
    for (const line of linesWith(long, 'word')) expect(line).toMatch(/^(?: \d|\d\d| {2})(?:\. | {2})word/);
  });
});

describe('a table as text', () => {
  const rows = Array.from({ length: 240 }, (_, n) => ({ name: n % 2 ? '売上 帽子' : 'hat 👩‍👩‍👧‍👦', sold: n * 100 }));
  const table: Extract<SectionInput, { kind: 'table' }> = {
    kind: 'table',
    caption: 'What was sold',
    preview: 8,
    columns: [
      { key: 'name', label: 'Name' },
      { key: 'sold', label: 'Sold', type: 'number' },
    ],
    rows,
  };

  it('aligns by what is seen, numbers to the right', () => {
    const body = draw(table)
      .split('\n')
      .filter((line) => /^(?:売上|hat)/.test(line));
    // Written out: the width of a family and of kanji is 2 each, whoever counts.
    expect(body.slice(0, 2)).toEqual(['hat 👩‍👩‍👧‍👦          0', '売上 帽子     100']);
    expect(body).toHaveLength(240);
    expect(new Set(body.map(displayWidth)).size).toBe(1);
    expect(new Set(body.map((line) => displayWidth(line.slice(0, line.search(/ +[\d,]+$/))))).size).toBe(2);
  });

  it('shows its preview and says how much that is, or all of it', () => {
    const preview = draw(table, { rows: 'preview' });
    expect(preview).toContain('What was sold (8 of 240 rows)');
    expect(preview).not.toContain('23,900');
    expect(draw(table)).toContain('23,900');
    expect(draw(table)).not.toContain(' of 240 rows');
  });

  const columns = Array.from({ length: 216 }, (_, n) => ({
    key: `c${n}`,
    label: `Column ${n}`,
    type: 'number' as const,
  }));
  const wide = {
    kind: 'table' as const,
    caption: 'Wide',
    columns,
    rows: [Object.fromEntries(columns.map(({ key }, n) => [key, n]))],
  };

  it('of 216 columns shows those that fit and says how many they are', () => {
    const text = draw(wide, { rows: 'preview' });
    expect(text).toContain('Wide (8 of 216 columns)');
    for (const line of text.split('\n')) expect(displayWidth(line)).toBeLessThanOrEqual(WIDE);
  });

  it('of 216 columns has each value with its name where everything is asked for', () => {
    const text = draw(wide);
    for (const { label } of columns) expect(text).toContain(`${label}: `);
  });

  it('wraps words in their column before it gives up columns', () => {
    const text = draw(
      {
        kind: 'table',
        caption: 'Notes',
        columns: [
          { key: 'a', label: 'Note' },
          { key: 'n', label: 'Number', type: 'number' },
        ],
        rows: [{ a: 'word '.repeat(40).trim(), n: 1234 }],
      },
      { width: 40 },
    );
    expect(linesWith(text, '1,234')).toEqual([expect.stringMatching(/^word.* 1,234$/)]);
    expect(text.match(/word/g)).toHaveLength(40);
    for (const line of text.split('\n')) expect(displayWidth(line)).toBeLessThanOrEqual(40);
  });

  it('without rows says so', () => {
    expect(draw({ ...table, rows: [] })).toContain('What was sold: no rows');
  });
});

describe('a chart as text', () => {
  const alt = 'Margin by collection: lamps 48%, stools 41%.';
  const bar: Extract<SectionInput, { kind: 'chart' }> = {
    kind: 'chart',
    title: 'Margin',
    alt,
    chart: { type: 'bar', categories: ['Lamps', '椅子'], unit: '%', series: [{ name: 'M', values: [48, 24] }] },
  };

  it('is bars with their values, which a preview does not say twice', () => {
    const text = draw(bar, { rows: 'preview' });
    expect(text).toContain(`Lamps  ${'█'.repeat(40)} 48%`);
    expect(text).toContain(`椅子   ${'█'.repeat(20)} 24%`);
    expect(text).not.toContain(alt);
    expect(draw(bar)).toContain(alt);
  });

  it('shows a gap as one, and no value as none', () => {
    const chart = { type: 'line' as const, categories: ['A', 'B', 'C'], series: [{ name: 'S', values: [1, null, 9] }] };
    const text = draw({ kind: 'chart', alt: 'Something with a gap.', chart });
    expect(text).toContain('S  ▁·█  1 A → 9 C · 1 without a value');
    expect(text).toMatch(/^B +–$/m);
    const bars = draw({ kind: 'chart', alt: 'Something with a gap.', chart: { ...chart, type: 'bar' } });
    expect(bars).toContain('B  no value');
  });

  it('draws what is below zero to the other side of a common zero', () => {
    const chart = { type: 'bar' as const, categories: ['A', 'B'], series: [{ name: 'S', values: [-10, 10] }] };
    const text = draw({ kind: 'chart', alt: 'Loss and profit.', chart });
    expect(text).toContain(`A  ${'█'.repeat(20)} −10`);
    expect(text).toContain(`B  ${' '.repeat(20)}${'█'.repeat(20)} 10`);
  });

  it('that is a pie is shares', () => {
    const segments = [
      { label: 'Search', value: 75 },
      { label: 'Mail', value: 25 },
    ];
    const text = draw({ kind: 'chart', alt: 'Search leads.', chart: { type: 'pie', segments, unit: '$' } });
    expect(text).toMatch(/^Search {2}█{40} 75% \(\$75\)$/m);
    expect(text).toMatch(/^Mail {4}█+[▏▎▍▌▋▊▉]? 25% \(\$25\)$/m);
  });

  it('of 400 values is drawn in the width there is, which it says', () => {
    const categories = Array.from({ length: 400 }, (_, n) => `d${n}`);
    const chart = { type: 'line' as const, categories, series: [{ name: 'S', values: categories.map((_, n) => n) }] };
    const text = draw({ kind: 'chart', alt: 'It rises all along.', chart }, { rows: 'preview' });
    expect(text).toContain('400 values, drawn as 81');
    expect(text).toContain('0 d0 → 399 d399');
  });
});

describe('what stands around the sections', () => {
  it('is the period, the files, the sources and what it cost', () => {
    const text = renderText(
      {
        ...weekly,
        cost: { model: 'sonnet', microUsd: 50_000, ms: 41_000 },
        attachments: [
          { name: 'orders.csv', mediaType: 'text/csv', title: 'All orders', sha256: 'a'.repeat(64), bytes: 12_345 },
        ],
      },
      { width: WIDE, color: 'none' },
    );
    expect(text).toContain('W47, 16–22 Nov 2026');
    expect(text).toContain('- orders.csv (All orders, 12.3 kB)');
    expect(text).toContain('- Shop orders <https://example.com/admin/orders> (as of');
    expect(text).toContain('Cost: sonnet · $0.05 · 41.0 s');
  });
});

describe('a terminal', () => {
  it('gets links to click where it knows them, and the same text', () => {
    const linked = renderText(weekly, { width: WIDE, color: 'ansi', links: 'osc8', rows: 'preview' });
    expect(linked).toContain('\u001b]8;;https://example.com/p/0\u001b\\');
    expect(unpainted(linked)).not.toContain('https://example.com/p/0');
    expect(unpainted(linked)).not.toMatch(STEERING);
    expect(renderText(weekly, { width: WIDE, color: 'none' })).toContain('[1] https://example.com/p/0');
  });

  it('is not steered by an address', () => {
    const url = 'https://example.com/\u001b[2J\u0007\u009b31m';
    const report = { ...makeReport({ url, sources: [{ title: 'x', url }] }) };
    report.sections = makeReport({
      sections: [
        { kind: 'actions', items: [{ title: 'go', href: url }] },
        {
          kind: 'table',
          caption: 'x',
          columns: [{ key: 'a', label: 'A', type: 'link' }],
          rows: [{ a: { text: 'x', href: url } }],
        },
      ],
    }).sections;
    for (const links of ['osc8', 'written'] as const) {
      expect(unpainted(renderText(report, { width: WIDE, color: 'ansi', links }))).not.toMatch(STEERING);
    }
    expect(renderText(report, { width: WIDE, color: 'none' })).not.toMatch(STEERING);
  });

  it.each([40, 60, 84, 140, 200])('%i columns wide is enough for the sample, and none is longer', (width) => {
    for (const rows of ['preview', 'all'] as const) {
      const text = renderText(weekly, { width, color: 'none', rows });
      for (const line of text.split('\n'))
        if (!line.includes('https://')) expect(displayWidth(line)).toBeLessThanOrEqual(width);
    }
  });
});

describe('any report at all', () => {
  it('has every one of its words in the whole text, in any width, and steers nothing', { timeout: 60_000 }, () => {
    fc.assert(
      fc.property(anyReport(), fc.constantFrom(40, 78, 200), (report, width) => {
        const text = renderText(report, { width, color: 'none' });
        expect(wordsOf(report).filter((word) => !text.includes(word))).toEqual([]);
        expect(text).not.toMatch(STEERING);
        for (const rows of ['preview', 'all'] as const) {
          const painted = renderText(report, { width, color: 'ansi', links: 'osc8', rows });
          expect(unpainted(painted)).not.toMatch(STEERING);
        }
      }),
      { numRuns: 300, seed: 5 },
    );
  });

  it('of 40,000 characters keeps all of its links', () => {
    const text = renderText(hostileReport(), { width: 78, color: 'none' });
    expect(new Set(text.match(/https:\/\/example\.com\/p\/\d+/g)).size).toBe(222);
    expect(text).not.toMatch(STEERING);
  });
});
