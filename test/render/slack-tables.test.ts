import { describe, expect, it } from 'vitest';
import { countChars } from '../../src/render/slack/chars.ts';
import { checkMessage } from '../../src/render/slack/check.ts';
import type { SlackPart } from '../../src/render/slack/message.ts';
import { renderSlackReport } from '../../src/render/slack/report.ts';
import type { SlackReportOptions } from '../../src/render/slack/report.ts';
import type { Section } from '../../src/store/report-sections.ts';
import type { ReportInput } from '../../src/store/report.ts';
import { makeReport, sampleRun } from '../support/delivery-report.ts';
import { blocksOf, filesOf, messagesOf, strings } from '../support/slack-blocks.ts';

type Table = Omit<Extract<NonNullable<ReportInput['sections']>[number], { kind: 'table' }>, 'kind' | 'caption'>;

function draw(table: Table, options: SlackReportOptions = {}): SlackPart[] {
  const kind: Section['kind'] = 'table';
  const report = makeReport({ sections: [{ kind, caption: 'What sold', ...table }] });
  const parts = renderSlackReport(report, { run: sampleRun() }, options);
  expect(messagesOf(parts).flatMap((message) => checkMessage(message))).toEqual([]);
  return parts;
}

const columns = (count: number): Table['columns'] =>
  Array.from({ length: count }, (_, n) => ({ key: `k${n}`, label: `Column ${n}` }));

describe('a table in Slack', () => {
  it('is a data table with a caption, plain header cells, linked cells, and numbers that keep their value', () => {
    const parts = draw({
      columns: [
        { key: 'sold', label: 'Sold', type: 'number' },
        { key: 'name', label: 'Product', type: 'link' },
        { key: 'revenue', label: 'Revenue', type: 'money', currency: 'USD' },
      ],
      rows: [
        { sold: 1_204.5, name: { text: 'Lamp', href: 'https://example.com/1' }, revenue: 11_424 },
        { name: 'Stool' },
      ],
    });
    const link = { type: 'link', url: 'https://example.com/1', text: 'Lamp' };
    const raw = (text: string): object => ({ type: 'raw_text', text });
    expect(blocksOf(parts, 'data_table')).toEqual([
      {
        type: 'data_table',
        caption: 'What sold',
        page_size: 2,
        row_header_column_index: 1,
        rows: [
          [raw('Sold'), raw('Product'), raw('Revenue')],
          [
            { type: 'raw_number', value: 1_204.5, text: '1,204.5' },
            { type: 'rich_text', elements: [{ type: 'rich_text_section', elements: [link] }] },
            { type: 'raw_number', value: 11_424, text: '$11,424' },
          ],
          [raw('–'), raw('Stool'), raw('–')],
        ],
      },
    ]);
    expect(filesOf(parts)).toEqual([]);
  });

  it('of 240 rows shows its preview, says so, and comes whole as a file', () => {
    const rows = Array.from({ length: 240 }, (_, n) => ({ k0: `row ${n}` }));
    const parts = draw({ columns: columns(1), rows, preview: 8 });
    expect(blocksOf(parts, 'data_table')[0]?.rows).toHaveLength(9);
    const [file] = filesOf(parts);
    expect(file?.source).toEqual({ is: 'table', section: 0 });
    expect(strings(messagesOf(parts)).join(' ')).toContain(`8 of 240 rows · all of it is in ${file?.name}`);
  });

  it('of 216 columns shows the first 20, says so, and comes whole as a file', () => {
    const rows = [Object.fromEntries(Array.from({ length: 216 }, (_, n) => [`k${n}`, n]))];
    for (const format of ['native', 'text'] as const) {
      const parts = draw({ columns: columns(216), rows }, { format });
      expect(strings(messagesOf(parts)).join(' ')).toContain('20 of 216 columns');
      expect(filesOf(parts).map(({ source }) => source)).toEqual([{ is: 'table', section: 0 }]);
      expect(strings(messagesOf(parts)).join(' ')).toContain(filesOf(parts)[0]?.name);
    }
    expect(blocksOf(draw({ columns: columns(216), rows }), 'data_table')[0]?.rows[0]).toHaveLength(20);
  });

  it('with long values cuts them, says so, and comes whole as a file', () => {
    const rows = Array.from({ length: 4 }, () => ({ k0: 'long '.repeat(700) }));
    const parts = draw({ columns: columns(1), rows });
    expect(countChars(blocksOf(parts, 'data_table'))).toBeLessThan(2_000);
    expect(strings(messagesOf(parts)).join(' ')).toContain('long values are cut · all of it is in ');
    expect(filesOf(parts)).toHaveLength(1);
  });

  it('with links of 2,000 characters in every cell shows what fits', () => {
    const href = `https://example.com/${'x'.repeat(1_900)}`;
    const cells = Object.fromEntries(Array.from({ length: 20 }, (_, n) => [`k${n}`, { text: `t${n}`, href }]));
    const parts = draw({ columns: columns(20), rows: [cells, cells] });
    expect(strings(messagesOf(parts)).join(' ')).toMatch(/1 of 2 rows · \d of 20 columns/);
  });

  it('without rows says so, with the names of its columns', () => {
    const shown = strings(draw({ columns: columns(2), rows: [] })).join('');
    expect(shown).toContain('What sold: no rows');
    expect(shown).toContain('Columns: Column 0, Column 1');
  });

  it('that was asked for as CSV comes once', () => {
    const parts = draw({ columns: columns(1), rows: [{ k0: 'a' }, { k0: 'b' }], preview: 1 }, { attach: ['csv'] });
    expect(filesOf(parts)).toHaveLength(1);
  });
});
