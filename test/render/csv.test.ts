import { parse } from 'csv-parse/sync';
import { describe, expect, it } from 'vitest';
import { chartCsv, reportCsvs, tableCsv } from '../../src/render/csv.ts';
import type { TableSection } from '../../src/store/report-sections.ts';
import type { Report } from '../../src/store/report.ts';
import { makeReport, sampleReport } from '../support/delivery-report.ts';

function tableOf(columns: unknown[], rows: unknown[]): TableSection {
  const report = makeReport({ sections: [{ kind: 'table', caption: 'What it shows', columns, rows } as never] });
  const [section] = report.sections;
  if (section?.kind !== 'table') throw new Error('no table');
  return section;
}
const read = (csv: string): string[][] => parse(csv, { bom: true, record_delimiter: '\r\n' });
const TEXT = [{ key: 'a', label: 'Name' }];

describe('a table as CSV', () => {
  it('begins with a byte order mark, ends each line with CRLF and comes back through a parser as it was', () => {
    const hard = ['plain', 'a "quote"', 'comma, and\nnew line', ' spaces ', '売上 👩‍👩‍👧‍👦', 'مرحبا'];
    const csv = tableCsv(
      tableOf(
        TEXT,
        hard.map((a) => ({ a })),
      ),
    );
    expect(csv.startsWith('\ufeff')).toBe(true);
    expect(csv.endsWith('\r\n')).toBe(true);
    expect(read(csv)).toEqual([['Name'], ...hard.map((a) => [a])]);
  });

  it.each(['=cmd|x', '+1+1', '-1+1', '@SUM(A1)', '\tx', '＝1'])('gives a spreadsheet no formula: %j', (a) => {
    expect(read(tableCsv(tableOf(TEXT, [{ a }])))).toEqual([['Name'], [`'${a}`]]);
  });

  it('escapes a formula in a label of a column and in the text of a link', () => {
    const table = tableOf([{ key: 'a', label: '=1+1' }], [{ a: { text: '=2+2', href: 'https://a.example' } }]);
    expect(read(tableCsv(table))).toEqual([
      ["'=1+1", "'=1+1 URL"],
      ["'=2+2", 'https://a.example'],
    ]);
  });

  it('keeps numbers as numbers, also negative ones, money and percent, and dates as they are', () => {
    const columns = [
      { key: 'n', label: 'N', type: 'number' },
      { key: 'm', label: 'M', type: 'money', currency: 'USD' },
      { key: 'p', label: 'P', type: 'percent' },
      { key: 'd', label: 'D', type: 'date' },
    ];
    const rows = [{ n: -3.25, m: 1204.5, p: -12.5, d: '2026-11-23' }, { n: null }];
    expect(read(tableCsv(tableOf(columns, rows)))).toEqual([
      ['N', 'M', 'P', 'D'],
      ['-3.25', '1204.5', '-12.5', '2026-11-23'],
      ['', '', '', ''],
    ]);
  });

  it('has the addresses of a column with links in a column beside it, and no such column without', () => {
    const columns = [
      { key: 'a', label: 'Product', type: 'link' },
      { key: 'b', label: 'Note' },
    ];
    const rows = [
      { a: { text: 'Lamp', href: 'https://a.example/1' }, b: 'x' },
      { a: 'Stool', b: 'y' },
    ];
    expect(read(tableCsv(tableOf(columns, rows)))).toEqual([
      ['Product', 'Product URL', 'Note'],
      ['Lamp', 'https://a.example/1', 'x'],
      ['Stool', '', 'y'],
    ]);
  });

  it('lets no control byte through', () => {
    const csv = tableCsv(tableOf(TEXT, [{ a: 'x\u001b[31my\u0007\u202ez' }]));
    expect(read(csv)).toEqual([['Name'], ['xyz']]);
  });
});

describe('what is no table as CSV', () => {
  it('is the values of a chart, with nothing where there is a gap', () => {
    const csv = chartCsv({
      type: 'line',
      categories: ['W1', 'W2'],
      unit: '$',
      series: [{ name: 'Revenue', values: [-1, null] }],
    });
    expect(read(csv)).toEqual([
      ['Category', 'Revenue ($)'],
      ['W1', '-1'],
      ['W2', ''],
    ]);
  });

  it('is the tables of a report, else its charts, its figures, or its summary', () => {
    const chart = { type: 'pie' as const, segments: [{ label: 'A', value: 1 }] };
    const withChart = makeReport({ sections: [{ kind: 'chart', alt: 'All of it is A.', chart }] });
    const first = (report: Report): string[] | undefined => read(reportCsvs(report)[0]?.content ?? '')[1];
    expect(first(withChart)).toEqual(['A', '1']);
    expect(first(sampleReport())).toEqual(['Net revenue', '55930', '$55,930', '▲ up 9.5% vs W46']);
    expect(first(makeReport())).toEqual(['Weekly report', 'ok', 'All is well.']);
  });
});
