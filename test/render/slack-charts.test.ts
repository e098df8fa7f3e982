import { describe, expect, it } from 'vitest';
import { checkMessage } from '../../src/render/slack/check.ts';
import type { SlackPart } from '../../src/render/slack/message.ts';
import { renderSlackReport } from '../../src/render/slack/report.ts';
import type { Chart } from '../../src/store/report-sections.ts';
import { makeReport, sampleRun } from '../support/delivery-report.ts';
import { blocksOf, filesOf, messagesOf, strings } from '../support/slack-blocks.ts';

const ALT = 'Revenue rose from 1 to 2 in two weeks.';

function draw(chart: Chart, title = 'Revenue'): SlackPart[] {
  const report = makeReport({ sections: [{ kind: 'chart', title, alt: ALT, chart }] });
  const parts = renderSlackReport(report, { run: sampleRun() });
  expect(messagesOf(parts).flatMap((message) => checkMessage(message))).toEqual([]);
  return parts;
}

const bars = (categories: string[], names: string[] = ['s']): Chart => ({
  type: 'bar',
  categories,
  series: names.map((name) => ({ name, values: categories.map((_, n) => n + 1) })),
});
const numbered = (count: number): string[] => Array.from({ length: count }, (_, n) => `c${n}`);

describe('a chart in Slack', () => {
  it.each(['line', 'bar', 'area'] as const)('of type %s is drawn by Slack, with a point for each category', (type) => {
    const parts = draw({ ...bars(['a', 'b']), type, unit: '$', yLabel: 'Revenue', xLabel: 'Week' } as Chart);
    expect(blocksOf(parts, 'data_visualization')).toEqual([
      {
        type: 'data_visualization',
        title: 'Revenue',
        chart: {
          type,
          series: [
            {
              name: 's',
              data: [
                { label: 'a', value: 1 },
                { label: 'b', value: 2 },
              ],
            },
          ],
          axis_config: { categories: ['a', 'b'], x_label: 'Week', y_label: 'Revenue ($)' },
        },
      },
    ]);
    expect(filesOf(parts)).toEqual([]);
  });

  it('of segments is a pie, its unit said beside it', () => {
    const parts = draw({ type: 'pie', unit: 'kg', segments: [{ label: 'a', value: 2 }] });
    expect(blocksOf(parts, 'data_visualization').map(({ chart }) => chart)).toEqual([
      { type: 'pie', segments: [{ label: 'a', value: 2 }] },
    ]);
    expect(strings(parts).join(' ')).toContain(`${ALT} (in kg)`);
  });

  it('is followed by what it says in words', () => {
    const [message] = messagesOf(draw(bars(['a', 'b'])));
    const at = message?.blocks.findIndex(({ type }) => type === 'data_visualization') ?? -1;
    expect(message?.blocks[at + 1]).toEqual({ type: 'context', elements: [{ type: 'plain_text', text: ALT }] });
  });

  it.each<[string, Chart]>([
    ['a gap', { type: 'line', categories: ['a', 'b'], series: [{ name: 's', values: [1, null] }] }],
    ['21 points', bars(numbered(21))],
    ['seven series', bars(['a'], numbered(7))],
    ['seven segments', { type: 'pie', segments: numbered(7).map((label) => ({ label, value: 1 })) }],
    ['a category twice', bars(['a', 'a'])],
    ['a name twice', bars(['a'], ['s', 's'])],
    [
      'labels that differ in their middle alone',
      bars(['a', 'b'].map((one) => `${'x'.repeat(30)}${one}${'x'.repeat(30)}`)),
    ],
    ['a label without text', bars(['\u202e', 'b'])],
  ])('with %s is words, values and a picture', (_name, chart) => {
    const parts = draw(chart);
    expect(blocksOf(parts, 'data_visualization')).toEqual([]);
    expect(strings(parts).join(' ')).toContain(ALT);
    const [picture, ...more] = filesOf(parts);
    expect(picture).toEqual({
      name: expect.stringMatching(/^weekly-merchandising-\w+-section-1\.png$/),
      mediaType: 'image/png',
      title: 'Revenue',
      alt: ALT,
      source: { is: 'chart', section: 0 },
    });
    expect(more).toEqual([]);
    expect(strings(messagesOf(parts)).join(' ')).toContain(picture?.name);
  });

  it('of 400 points shows the first of them, says so, and comes whole as a file and as a picture', () => {
    const parts = draw(bars(numbered(400)));
    const [values, picture] = filesOf(parts).map(({ source, name }) => ({ ...source, name }));
    expect([values, picture]).toMatchObject([
      { is: 'table', section: 0 },
      { is: 'chart', section: 0 },
    ]);
    const shown = strings(messagesOf(parts)).join(' ');
    expect(shown).toContain(`60 of 400 points · all of them are in ${values?.name}`);
    expect(shown).toContain('c59');
    expect(shown).not.toContain('c60');
  });

  it('of 20 points and six series is drawn', () => {
    expect(blocksOf(draw(bars(numbered(20), numbered(6))), 'data_visualization')).toHaveLength(1);
  });

  it('with labels of more than 20 characters is drawn with short ones that are told apart, and names them in full', () => {
    const labels = ['Merchandising of lamps A', 'Merchandising of lamps B', 'Short'];
    const parts = draw(bars(labels));
    const [block] = blocksOf(parts, 'data_visualization');
    expect(block?.chart).toMatchObject({
      axis_config: { categories: ['Merchandi…f lamps A', 'Merchandi…f lamps B', 'Short'] },
    });
    expect(strings(parts).join(' ')).toContain('In full: Merchandising of lamps A; Merchandising of lamps B');
  });

  it('cuts no family in two to make a label fit', () => {
    const family = '👩‍👩‍👧‍👦';
    const [block] = blocksOf(draw(bars([family.repeat(3), 'b'])), 'data_visualization');
    expect(block?.chart).toMatchObject({ axis_config: { categories: [`${family}…`, 'b'] } });
  });

  it('with a title of more than 50 characters has all of it above', () => {
    const title = `Revenue ${'by week '.repeat(10)}`.trim();
    const parts = draw(bars(['a', 'b']), title);
    expect(blocksOf(parts, 'header').map(({ text }) => text.text)).toContain(title);
    expect(blocksOf(parts, 'data_visualization')[0]?.title).toHaveLength(50);
  });
});
