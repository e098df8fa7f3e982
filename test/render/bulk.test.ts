/** What the largest reports cost: in ratios and counts, for no machine is like another. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { displayWidth } from '../../src/render/format.ts';
import { renderEmail } from '../../src/render/email/report.ts';
import { renderSlackReport } from '../../src/render/slack/report.ts';
import { renderText } from '../../src/render/text.ts';
import { makeReport, sampleRun } from '../support/delivery-report.ts';

const ABOUT = { run: sampleRun() };

function table(rows: number, cell: (row: number, column: number) => string | number) {
  const columns = Array.from({ length: 10 }, (_, at) => ({ key: `c${at}`, label: `C ${at}` }));
  return makeReport({
    sections: [
      {
        kind: 'table',
        caption: 'Many rows',
        columns,
        rows: Array.from({ length: rows }, (_, row) =>
          Object.fromEntries(columns.map(({ key }, at) => [key, cell(row, at)])),
        ),
      },
    ],
  });
}

/** The quickest of five, so that what else the machine does is no part of it. */
function cost(work: () => unknown): number {
  const times = Array.from({ length: 5 }, () => {
    const begun = performance.now();
    work();
    return performance.now() - begun;
  });
  return Math.min(...times);
}

describe('large tables', () => {
  test('a number that a table writes costs little more than the text of it', () => {
    const [numbers, texts] = [table(2_000, (row) => row + 0.25), table(2_000, (row) => `${row}.25`)];
    const draw = (report: typeof numbers) => renderText(report, { width: 78, color: 'none' });
    // With a formatter made for each cell it was eighteen times.
    expect(cost(() => draw(numbers)) / cost(() => draw(texts))).toBeLessThan(6);
  });

  test('ideographs cost little more than letters', () => {
    const [wide, narrow] = [
      table(2_000, (row) => `売上高前週比${row % 9}`),
      table(2_000, (row) => `abcdefghijkl${row % 9}`),
    ];
    const draw = (report: typeof wide) => renderText(report, { width: 200, color: 'none' });
    // Cut into graphemes they cost fifteen times as much.
    expect(cost(() => draw(wide)) / cost(() => draw(narrow))).toBeLessThan(6);
  });

  test('a markdown table of more rows than a call takes arguments is shown as text, every row of it', () => {
    const report = makeReport({ sections: [{ kind: 'markdown', markdown: `|a|\n|-|\n${'x\n'.repeat(150_000)}` }] });
    expect(renderText(report, { width: 78, color: 'none' }).match(/\bx\b/g)).toHaveLength(150_000);
    expect(renderSlackReport(report, ABOUT).length).toBeGreaterThan(1);
  });
});

describe('the text part of a mail', () => {
  const sizes = [500, 501] as const;
  test.each([
    ['html', 'html'],
    ['text', 'text'],
  ] as const)('shows 500 rows of a table, says where all of them are, and has them attached: %s', (_, format) => {
    const [whole, cut] = sizes.map((rows) =>
      renderEmail(
        table(rows, (row) => `r${row}`),
        ABOUT,
        { format },
      ),
    );
    const rows = (mail: typeof whole) => new Set(mail?.text.match(/\br\d+\b/g)).size;
    expect([rows(whole), rows(cut)]).toEqual([500, 500]);
    expect(whole?.text).not.toContain('of 500 rows');
    expect(cut?.text.replace(/\s+/g, ' ')).toContain(
      'Many rows (500 of 501 rows, all of them are in the attached many-rows.csv)',
    );
    expect(cut?.files).toMatchObject([{ name: 'many-rows.csv', source: { is: 'table', section: 0 } }]);
    expect(whole?.files.length).toBe(format === 'text' ? 0 : 1);
  });

  test('a file that was asked for is attached once', () => {
    const mail = renderEmail(
      table(600, (row) => row),
      ABOUT,
      { attach: ['csv'] },
    );
    expect(mail.files.map(({ name }) => name)).toEqual(['many-rows.csv']);
  });

  test('the text of a file has every row', () => {
    expect(
      renderText(
        table(501, (row) => `r${row}`),
        { width: 78, color: 'none' },
      ),
    ).toContain('r500');
  });
});

test.each([
  [400, true],
  [402, false],
])('a chart of %i bars is drawn in text: %s; its values are there in any case', (count, isDrawn) => {
  const values = Array.from({ length: count / 2 }, (_, at) => at + 1_000_000);
  const categories = values.map((_, at) => `C${at}`);
  const series = [values, values];
  const chart = {
    type: 'bar' as const,
    categories,
    series: series.map((one, at) => ({ name: `S${at}`, values: one })),
  };
  const report = makeReport({ sections: [{ kind: 'chart', alt: 'Many bars stand here.', chart }] });
  const text = renderText(report, { width: 78, color: 'none' });
  expect(text.includes('█')).toBe(isDrawn);
  for (const value of values) expect(text).toContain(value.toLocaleString('en-US'));
});

describe('the width of text', () => {
  const slow = new Intl.Segmenter('en', { granularity: 'grapheme' });

  test('the quick way of simple letters and the way by graphemes agree', () => {
    const letter = fc.constantFrom(...Array.from('aZ é–…中語カ가▲█€Жאب！ー\u0301\u200d\ufe0f✅👩🇩ｶﾞ\u00ad'));
    fc.assert(
      fc.property(fc.array(letter, { maxLength: 12 }), (letters) => {
        const text = letters.join('');
        const parts = [...slow.segment(text)].map(({ segment }) => displayWidth(segment));
        expect(displayWidth(text)).toBe(parts.reduce((sum, width) => sum + width, 0));
      }),
      { seed: 1, numRuns: 2_000 },
    );
  });
});
