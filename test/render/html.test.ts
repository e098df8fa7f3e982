import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { renderHtml } from '../../src/render/html.ts';
import { Report } from '../../src/store/report.ts';
import { makeReport, sampleRun } from '../support/delivery-report.ts';
import { readMarkup, textOf } from '../support/markup.ts';

const run = sampleRun();
const weekly = Report.parse(
  JSON.parse(readFileSync(new URL('../fixtures/reports/weekly.json', import.meta.url), 'utf8')),
);

describe('a report as a page', () => {
  it('shows everything, and a policy forbids what it does not need', () => {
    const page = renderHtml(makeReport({ sections: [{ kind: 'markdown', markdown: 'word '.repeat(70_000) }] }), {
      run,
    });
    expect(page.match(/word/g)).toHaveLength(70_000);
    expect(page).toContain(`content="default-src 'none'; style-src 'unsafe-inline'; img-src data:"`);
  });

  it('draws its charts for light and for dark, with their numbers in a table, and nothing that is run or fetched', () => {
    const page = renderHtml(weekly, { run });
    const { elements, problems } = readMarkup(page);
    expect(problems).toEqual([]);
    expect(elements.filter(({ tag, attributes }) => tag === 'svg' && attributes['role'] === 'img')).toHaveLength(4);
    expect(elements.filter(({ tag }) => tag === 'caption')).toHaveLength(3);
    expect(textOf(page)).toContain('W36 $41,200 $38,400');
    expect(page).not.toMatch(/<(?:img|script|link|iframe)\b|url\(|@import|javascript:/i);
    expect(page).toContain('@media print');
    const ids = elements.flatMap(({ attributes }) => attributes['id'] ?? []);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('shows every row of a table', () => {
    const rows = Array.from({ length: 1_000 }, (_, n) => ({ a: `Item ${n}.` }));
    const columns = [{ key: 'a', label: 'A' }];
    const page = renderHtml(makeReport({ sections: [{ kind: 'table', caption: 'C', columns, rows, preview: 3 }] }), {
      run,
    });
    expect(page.match(/Item \d+\./g)).toHaveLength(1_000);
  });
});
