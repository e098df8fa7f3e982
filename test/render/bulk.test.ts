/** What the largest reports cost: in ratios and counts, for no machine is like another. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { displayWidth } from '../../src/render/format.ts';
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
