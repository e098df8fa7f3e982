import { assert, integer, property, string } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { columns, drawMrkdwn, wrapColumns } from '../../src/playground/draw-text.ts';
import { drawMessage } from '../../src/playground/draw.ts';

const text = (value: string) => ({ type: 'rich_text_section', elements: [{ type: 'text', text: value }] });
const nameOf = (id: string): string | undefined => ({ U0ANA: 'ana', C0REPORTS: 'reports' })[id];
const style = { nameOf, bold: (inner: string) => `**${inner}**` };

describe('a drawn message', () => {
  it('shows every block that a report is made of', () => {
    const blocks = [
      { type: 'header', text: { type: 'plain_text', text: 'Weekly report' } },
      { type: 'section', text: { type: 'mrkdwn', text: 'Sales are *up* &amp; <https://example.com|fine>' } },
      {
        type: 'section',
        fields: [
          { type: 'mrkdwn', text: '*Orders*\n120' },
          { type: 'mrkdwn', text: '*Returns*\n3' },
        ],
      },
      { type: 'divider' },
      {
        type: 'rich_text',
        elements: [
          text('First.'),
          { type: 'rich_text_list', style: 'ordered', indent: 0, elements: [text('one'), text('two')] },
          { type: 'rich_text_quote', elements: [{ type: 'text', text: 'quoted' }] },
          { type: 'rich_text_preformatted', elements: [{ type: 'text', text: 'a  b' }] },
        ],
      },
      {
        type: 'table',
        rows: [
          [
            { type: 'raw_text', text: 'Name' },
            { type: 'raw_text', text: 'Größe' },
          ],
          [
            { type: 'raw_text', text: '日本' },
            { type: 'raw_text', text: '7' },
          ],
        ],
      },
      {
        type: 'plan',
        title: 'Steps',
        tasks: [
          { type: 'task_card', task_id: 'a', title: 'read', status: 'complete' },
          { type: 'task_card', task_id: 'b', title: 'write', status: 'in_progress' },
        ],
      },
      { type: 'image', image_url: 'https://example.com/a.png', alt_text: 'a chart' },
      {
        type: 'context',
        elements: [
          { type: 'mrkdwn', text: 'by <@U0ANA>' },
          { type: 'plain_text', text: 'run abc' },
        ],
      },
      { type: 'actions', elements: [{ type: 'button', text: { type: 'plain_text', text: 'Cancel' }, action_id: 'c' }] },
    ];
    expect(drawMessage({ text: 'fallback', blocks }, { width: 44, nameOf })).toMatchInlineSnapshot(`
      "│ Weekly report
      │
      │ Sales are up & fine (https://example.com)
      │
      │ Orders                Returns
      │ 120                   3
      │ ──────────────────────────────────────────
      │
      │ First.
      │ 1. one
      │ 2. two
      │ ▎ quoted
      │   a  b
      │
      │ Name  Größe
      │ ───────────
      │ 日本  7
      │
      │ Steps
      │ ● read
      │ ◐ write
      │
      │ [image: a chart]
      │ by @ana · run abc
      │
      │ [ Cancel ]"
    `);
  });

  it('shows its text when it has no blocks, with dates, mentions and emoji resolved', () => {
    const line = 'Done <!date^1700000000^{date}|14 Nov 2023> :white_check_mark: <#C0REPORTS> <@U0ANA|Ana> a*b*c *d*';
    expect(drawMrkdwn(line, style)).toBe('Done 14 Nov 2023 ✅ #reports @Ana a*b*c **d**');
  });

  it('draws a live mention so that nobody overlooks it, and an escaped one as text', () => {
    expect(drawMrkdwn('<!channel> &lt;!channel&gt;', style)).toBe('@CHANNEL <!channel>');
  });

  it('shows the files that a message shares, with the words of a picture', () => {
    const files = [
      { filename: 'weekly.csv', title: 'Top products', length: 1_234 },
      { filename: 'chart.png', title: 'chart.png', alt: 'Revenue rises', length: 40_000 },
    ];
    expect(drawMessage({ text: 'The files' }, { files, width: 60 })).toBe(
      [
        '│ The files',
        '│ 📎 weekly.csv · Top products · 1.2 KiB',
        '│ 📎 chart.png · 39 KiB',
        '│ [image: Revenue rises]',
      ].join('\n'),
    );
  });

  it('draws a chart as bars, or as a line of blocks for each of its series', () => {
    const data = [
      { label: 'Mon', value: 1 },
      { label: 'Tue', value: 4 },
      { label: 'Wed', value: 8 },
    ];
    const axis_config = { categories: ['Mon', 'Tue', 'Wed'] };
    const bar = { type: 'bar', series: [{ name: 'Orders', data }], axis_config };
    const line = { type: 'line', series: [{ name: 'Orders', data }], axis_config };
    const draw = (chart: object): string =>
      drawMessage({ text: '', blocks: [{ type: 'data_visualization', title: 'A week', chart }] }, { width: 42 });
    expect(draw(line)).toBe('│ A week\n│ Orders  ▁▄█  Mon 1 … Wed 8');
    expect(draw(bar).split('\n')[3]).toMatch(/^│ Wed {2}█+ 8$/);
    expect(draw({ type: 'pie', segments: data }).split('\n')).toHaveLength(4);
    expect(draw({})).toBe('│ A week');
  });

  it('removes the control bytes of what it draws', () => {
    const hostile = '\u001b]0;owned\u0007\u001b[2Jhi\u202e';
    const drawn = drawMessage(
      {
        text: hostile,
        blocks: [
          { type: 'header', text: { type: 'plain_text', text: hostile } },
          { type: 'section', text: { type: 'mrkdwn', text: `${hostile} <https://example.com|${hostile}>` } },
          { type: 'context', elements: [{ type: 'image', alt_text: hostile }] },
          { type: 'plan', title: hostile, tasks: [{ type: 'task_card', title: hostile, status: 'pending' }] },
          { type: 'rich_text', elements: [text(hostile)] },
          { type: 'table', rows: [[{ type: 'raw_text', text: hostile }]] },
          {
            type: 'data_visualization',
            title: hostile,
            chart: { type: 'pie', segments: [{ label: hostile, value: 1 }] },
          },
          { type: hostile },
        ],
      },
      { files: [{ filename: hostile, title: hostile, alt: hostile, length: 1 }] },
    );
    // oxlint-disable-next-line no-control-regex -- they are what must not be there
    expect(drawn).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f\u202e]/);
    expect(drawn.match(/hi/g)?.length).toBeGreaterThanOrEqual(3);
  });

  it('stays inside the terminal and leaves nothing out, whatever the text', () => {
    assert(
      property(string({ unit: 'grapheme', maxLength: 400 }), integer({ min: 20, max: 120 }), (words, width) => {
        const drawn = drawMessage(
          { text: '', blocks: [{ type: 'section', text: { type: 'plain_text', text: words } }] },
          { width },
        );
        for (const line of drawn.split('\n')) expect(columns(line)).toBeLessThanOrEqual(width);
        const squeeze = (value: string): string => value.replaceAll(/\s/g, '');
        expect(squeeze(wrapColumns(words, width).join(''))).toBe(squeeze(words));
      }),
      { seed: 7, numRuns: 300 },
    );
  });
});
