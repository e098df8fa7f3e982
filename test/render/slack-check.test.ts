import { describe, expect, it } from 'vitest';
import { checkMessage } from '../../src/render/slack/check.ts';

describe('checkMessage', () => {
  const text = { type: 'plain_text', text: 'x' };
  it.each([
    ['an empty message', {}, 'no_text'],
    [
      'too many blocks',
      { text: 'x', blocks: Array.from({ length: 51 }, () => ({ type: 'divider' })) },
      'invalid_blocks',
    ],
    [
      'an empty header',
      { text: 'x', blocks: [{ type: 'header', text: { type: 'plain_text', text: '' } }] },
      'invalid_blocks',
    ],
    [
      'a long header',
      { text: 'x', blocks: [{ type: 'header', text: { type: 'plain_text', text: 'x'.repeat(151) } }] },
      'invalid_blocks',
    ],
    ['an unknown block', { text: 'x', blocks: [{ type: 'banner' }] }, 'invalid_blocks'],
    [
      'eleven fields',
      { text: 'x', blocks: [{ type: 'section', fields: Array.from({ length: 11 }, () => text) }] },
      'invalid_blocks',
    ],
    [
      'a task called completed',
      { text: 'x', blocks: [{ type: 'plan', title: 't', tasks: [{ task_id: 'a', title: 'b', status: 'completed' }] }] },
      'invalid_blocks',
    ],
    [
      'two tables',
      { text: 'x', blocks: [0, 1].map(() => ({ type: 'table', rows: [[{ type: 'raw_text', text: 'x' }]] })) },
      'invalid_blocks',
    ],
    ['empty rich text', { text: 'x', blocks: [{ type: 'rich_text', elements: [] }] }, 'invalid_blocks'],
    [
      'more than 13,200 characters in blocks',
      {
        text: 'x',
        blocks: Array.from({ length: 5 }, () => ({
          type: 'section',
          text: { type: 'mrkdwn', text: 'x'.repeat(2_900) },
        })),
      },
      'msg_blocks_too_long',
    ],
  ])('refuses %s', (_name, message, code) => {
    expect(checkMessage(message).map((violation) => violation.code)).toContain(code);
  });

  const cell = (value: string): object => ({ type: 'raw_text', text: value });
  const table = (over: object): object => ({
    type: 'data_table',
    caption: 'c',
    rows: [[cell('a')], [{ type: 'raw_number', value: 1, text: '1' }]],
    ...over,
  });
  const points = (labels: string[]): object[] => labels.map((label, n) => ({ label, value: n + 1 }));
  const chart = (over: object, rest: object = {}): object => ({
    type: 'data_visualization',
    title: 't',
    chart: {
      type: 'bar',
      series: [{ name: 's', data: points(['a', 'b']) }],
      axis_config: { categories: ['a', 'b'] },
      ...over,
    },
    ...rest,
  });
  const pie = (segments: object[]): object => chart({}, { chart: { type: 'pie', segments } });
  const many = (count: number): string[] => Array.from({ length: count }, (_, n) => `c${n}`);
  const longRows = Array.from({ length: 4 }, () => [cell('x'.repeat(2_600))]);

  it('takes a table and two charts', () => {
    const line = { type: 'line', axis_config: { categories: ['a', 'b'], x_label: 'x', y_label: '$' } };
    const blocks = [table({ page_size: 10, row_header_column_index: 0 }), chart({}), chart(line)];
    expect(checkMessage({ text: 'x', blocks })).toEqual([]);
    expect(checkMessage({ text: 'x', blocks: [pie(points(['a', 'b']))] })).toEqual([]);
  });

  it.each([
    ['a table without caption', [table({ caption: '' })], '/blocks/0/caption'],
    ['a table without rows', [table({ rows: [[cell('a')]] })], '/blocks/0/rows'],
    ['102 rows', [table({ rows: Array.from({ length: 102 }, () => [cell('a')]) })], '/blocks/0/rows'],
    ['21 columns', [table({ rows: [many(21).map(cell), many(21).map(cell)] })], '/blocks/0/rows/0'],
    ['rows of different length', [table({ rows: [[cell('a')], [cell('a'), cell('b')]] })], '/blocks/0/rows/1'],
    ['an empty cell', [table({ rows: [[cell('a')], [cell('')]] })], '/blocks/0/rows/1/0/text'],
    ['a rich header', [table({ rows: [[{ type: 'rich_text', elements: [] }], [cell('a')]] })], '/blocks/0/rows/0/0'],
    [
      'a number that is none',
      [table({ rows: [[cell('a')], [{ type: 'raw_number', text: '1' }]] })],
      '/blocks/0/rows/1/0/value',
    ],
    ['a page of 101', [table({ page_size: 101 })], '/blocks/0/page_size'],
    ['more than 10,000 characters in cells', [table({ rows: longRows })], '/blocks'],
    ['two tables', [table({}), table({})], '/blocks/1'],
    ['three charts', [chart({}), chart({}), chart({})], '/blocks/2'],
    ['a title of 51', [chart({}, { title: 'x'.repeat(51) })], '/blocks/0/title'],
    [
      '21 points',
      [chart({ series: [{ name: 's', data: points(many(21)) }], axis_config: { categories: many(21) } })],
      '/blocks/0/chart/axis_config/categories',
    ],
    [
      'a label of 21',
      [
        chart({
          series: [{ name: 's', data: points(['x'.repeat(21)]) }],
          axis_config: { categories: ['x'.repeat(21)] },
        }),
      ],
      '/blocks/0/chart/axis_config/categories/0',
    ],
    [
      'a category twice',
      [chart({ series: [{ name: 's', data: points(['a', 'a']) }], axis_config: { categories: ['a', 'a'] } })],
      '/blocks/0/chart/axis_config/categories/1',
    ],
    [
      'a name of 21',
      [chart({ series: [{ name: 'x'.repeat(21), data: points(['a', 'b']) }] })],
      '/blocks/0/chart/series/0',
    ],
    [
      'a name twice',
      [chart({ series: [0, 1].map(() => ({ name: 's', data: points(['a', 'b']) })) })],
      '/blocks/0/chart/series/1',
    ],
    [
      'seven series',
      [chart({ series: many(7).map((name) => ({ name, data: points(['a', 'b']) })) })],
      '/blocks/0/chart/series',
    ],
    ['a point too few', [chart({ series: [{ name: 's', data: points(['a']) }] })], '/blocks/0/chart/series/0/data'],
    [
      'a gap',
      [
        chart({
          series: [
            {
              name: 's',
              data: [
                { label: 'a', value: null },
                { label: 'b', value: 1 },
              ],
            },
          ],
        }),
      ],
      '/blocks/0/chart/series/0/data/0/value',
    ],
    [
      'a title of an axis of 51',
      [chart({ axis_config: { categories: ['a', 'b'], y_label: 'x'.repeat(51) } })],
      '/blocks/0/chart/axis_config/y_label',
    ],
    ['seven segments', [pie(points(many(7)))], '/blocks/0/chart/segments'],
    ['a segment of nothing', [pie([{ label: 'a', value: 0 }])], '/blocks/0/chart/segments/0/value'],
    ['a chart of no type', [chart({ type: 'radar' })], '/blocks/0/chart/type'],
    ['an image without words', [{ type: 'image', slack_file: { id: 'F1' }, alt_text: '' }], '/blocks/0/alt_text'],
  ])('refuses %s', (_name, blocks, pointer) => {
    expect(checkMessage({ text: 'x', blocks }).map((violation) => violation.pointer)).toContain(pointer);
  });

  it('names the place as a JSON pointer', () => {
    const blocks = [
      { type: 'divider' },
      { type: 'actions', elements: [{ type: 'button', text: { type: 'plain_text', text: 'x'.repeat(76) } }] },
    ];
    expect(checkMessage({ text: 'x', blocks })[0]?.pointer).toBe('/blocks/1/elements/0/text/text');
  });
});
