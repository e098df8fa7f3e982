import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { checkMessage } from '../../src/render/slack/check.ts';
import type { SlackMessage } from '../../src/render/slack/message.ts';
import { renderSlackReport } from '../../src/render/slack/report.ts';
import type { SlackReportOptions } from '../../src/render/slack/report.ts';
import { Report } from '../../src/store/report.ts';
import type { ReportInput } from '../../src/store/report.ts';
import { blocksOf, filesOf, LIVE_MENTION, messagesOf, parsedTexts, strings } from '../support/slack-blocks.ts';
import { makeReport, sampleReport, sampleRun } from '../support/delivery-report.ts';

const run = sampleRun();
const weekly = Report.parse(JSON.parse(readFileSync('test/fixtures/reports/weekly.json', 'utf8')));
const render = (input: Partial<ReportInput>, options: SlackReportOptions = {}): SlackMessage[] =>
  messagesOf(renderSlackReport(makeReport(input), { run }, options));

describe('a report in Slack', () => {
  it('is the headline in the channel and the details in the thread', () => {
    const messages = messagesOf(renderSlackReport(sampleReport(), { run }));
    expect(messages).toHaveLength(2);
    const [headline = '', thread = ''] = messages.map((message) => JSON.stringify(message));
    expect(headline).toContain('$55,930');
    expect(headline).toContain('Recommendations');
    expect(headline).toContain('more in the thread');
    expect(headline).not.toContain('Top products');
    expect(thread).toContain('Alpine Shell Jacket');
    expect(messages.flatMap((message) => checkMessage(message))).toEqual([]);
  });

  it('lets no field of a report mention anybody, and shows the text as it is', () => {
    const evil = '<!channel> <@U123> <#C1|x>';
    const messages = messagesOf(
      renderSlackReport(
        makeReport({
          title: evil,
          summary: evil,
          warnings: [evil],
          sections: [
            {
              kind: 'figures',
              title: evil,
              figures: [{ label: evil, value: 1, display: evil, delta: { value: 1, versus: evil } }],
            },
            {
              kind: 'markdown',
              title: evil,
              priority: 'detail',
              markdown: `# ${evil}\n\n- ${evil}\n\n| ${evil} |\n|---|\n| ${evil} |`,
            },
          ],
          sources: [{ title: evil }],
          url: 'https://example.com/?a=<!channel>|x',
        }),
        { run },
      ),
    );
    const seen = parsedTexts(messages);
    expect(seen.length).toBeGreaterThan(3);
    for (const text of seen) expect(text).not.toMatch(LIVE_MENTION);
    expect(strings(messages, ['text']).join('')).toContain('<!channel> <@U123>');
  });

  it.each([{}, { url: 'https://example.com/?a=<!channel>|x' }])('lets no footer mention anybody, with %j', (place) => {
    const evil = '<!channel> <@U123>';
    const period = { from: '2026-11-16', to: '2026-11-22', label: evil };
    const parts = renderSlackReport(makeReport({ ...place, period, cost: { model: evil } }), { run });
    const foot = parsedTexts(parts).filter((text) => text.includes('channel'));
    expect(foot.join('')).toContain('&lt;!channel&gt; &lt;@U123&gt;');
    for (const text of foot) expect(text).not.toMatch(LIVE_MENTION);
  });

  it('is five messages in the thread and the whole as a file when it is longer than eight', () => {
    const markdown = 'lorem ipsum dolor sit amet '.repeat(14_000);
    const parts = renderSlackReport(makeReport({ sections: [{ kind: 'markdown', markdown }] }), { run });
    const messages = messagesOf(parts);
    expect(messages).toHaveLength(6);
    expect(filesOf(parts).map(({ name, source }) => [name, source])).toEqual([
      [expect.stringMatching(/^weekly-merchandising-\w+\.html$/), { is: 'report', format: 'html' }],
    ]);
    expect(parts.at(-1)).toHaveProperty('files');
    expect(strings(messages.at(-1)).join(' ')).toMatch(
      /more parts are not shown here .* is in weekly-merchandising-\w+\.html, or: bellhop runs show run_/,
    );
    expect(messages.flatMap((message) => checkMessage(message))).toEqual([]);
  });

  it('shows up to seven messages in the thread rather than a file', () => {
    const markdown = 'lorem ipsum dolor sit amet '.repeat(1_500);
    const parts = renderSlackReport(makeReport({ sections: [{ kind: 'markdown', markdown }] }), { run });
    expect(parts).toHaveLength(7);
    expect(filesOf(parts)).toEqual([]);
  });

  it('numbers a list on where something stood in between', () => {
    const [, thread] = render({
      sections: [{ kind: 'markdown', priority: 'detail', markdown: '3. three\n4. four\n   - inner\n5. five' }],
    });
    const lists = JSON.stringify(thread?.blocks).match(/"style":"ordered"[^[]*/g);
    expect(lists).toEqual([
      '"style":"ordered","indent":0,"offset":2,"elements":',
      '"style":"ordered","indent":0,"offset":4,"elements":',
    ]);
  });

  it('writes an unsafe address out instead of linking it', () => {
    const messages = render({
      sections: [{ kind: 'markdown', markdown: '[press](javascript:alert(1)) ![pixel](https://t.example/p.png)' }],
    });
    expect(strings(messages, ['url'])).toEqual(['https://t.example/p.png']);
    expect(strings(messages, ['text']).join('')).toContain('press (javascript:alert(1))');
  });

  it('gives each row of a wide table its column names', () => {
    const cell = 'a long cell of a table ';
    const markdown = `| One | Two |\n|---|---|\n| ${cell.repeat(3)} | ${cell.repeat(3)} |`;
    const text = strings(render({ sections: [{ kind: 'markdown', markdown }] })).join('');
    expect(text).toContain('One: ');
    expect(text).toContain('Two: ');
  });

  it('is the same bytes every time', () => {
    const once = JSON.stringify(renderSlackReport(sampleReport(), { run }));
    expect(JSON.stringify(renderSlackReport(sampleReport(), { run }))).toBe(once);
  });

  it('takes hostile markdown in bounded time', { timeout: 20_000 }, () => {
    const inputs = [
      '**'.repeat(20_000) + 'x' + '**'.repeat(20_000),
      '[a]('.repeat(30_000),
      '>'.repeat(20_000),
      '- '.repeat(5_000),
      '!['.repeat(50_000),
    ];
    for (const markdown of inputs) {
      const messages = render({ sections: [{ kind: 'markdown', markdown }] });
      expect(messages.flatMap((message) => checkMessage(message))).toEqual([]);
    }
  });

  it('draws the sample: figures, actions, two charts and the table in the channel, notes and sources in the thread', () => {
    const parts = renderSlackReport(weekly, { run });
    expect(parts).toHaveLength(2);
    const [channel, thread] = messagesOf(parts);
    const types = channel?.blocks.map(({ type }) => type);
    expect(types?.filter((type) => type === 'data_visualization')).toHaveLength(2);
    expect(types?.filter((type) => type === 'data_table')).toHaveLength(1);
    expect(types?.filter((type) => type === 'section')).toHaveLength(1);
    expect(types?.at(-1)).toBe('context');
    expect(strings(channel?.blocks.at(-1)).join('')).toContain('W47, 16–22 Nov 2026');
    expect(strings(channel?.blocks.at(-1)).join('')).toContain('figures only · 41.2 s');
    expect(strings(thread).join(' ')).toMatch(/Notes.*重点.*Sources.*Shop orders.*as of Nov 23, 2026, 08:58/s);
    expect(messagesOf(parts).flatMap((message) => checkMessage(message))).toEqual([]);
  });

  it('draws the small line of a figure as text does, however far apart or equal its values are', () => {
    const sparks = [
      [41_200, 43_900, 42_100, 44_800, 46_000, 45_100, 47_700, 49_300, 48_800, 50_200, 51_080, 55_930],
      [-1.7e308, 0, 1.7e308],
      [5, 5, 5],
    ];
    const figures = sparks.map((spark, n) => ({ label: `F ${n}`, value: n, display: `${n}`, spark }));
    const fields = strings(render({ sections: [{ kind: 'figures', figures }] })).filter((text) => /[▁-█]/.test(text));
    expect(fields.map((text) => text.split('\n').at(-1))).toEqual(['▁▂▁▂▃▃▄▅▅▅▆█', '▁▅█', '▅▅▅']);
  });

  it('lists actions in order, each a bold link with its impact and its reason', () => {
    const [channel] = messagesOf(renderSlackReport(weekly, { run }));
    const lists = JSON.stringify(channel?.blocks).match(/"style":"ordered"/g);
    expect(lists).toHaveLength(1);
    expect(JSON.stringify(channel?.blocks)).toContain(
      '{"type":"link","url":"https://example.com/p/birch-stool","text":"Reorder the Birch stool today","style":{"bold":true}},' +
        '{"type":"text","text":" · ≈ $3,900 at risk\\n41 left, 9.8 a day; the supplier needs six days."}',
    );
  });

  it('keeps the headline alone in the channel with thread all, and has no thread with none', () => {
    const [lead, ...rest] = messagesOf(renderSlackReport(weekly, { run }, { thread: 'all' }));
    expect(lead?.blocks.map(({ type }) => type)).toEqual(['header', 'rich_text', 'rich_text', 'context']);
    expect(rest.map(({ blocks }) => blocks.filter(({ type }) => type === 'data_table').length)).toEqual([1]);
    const alone = renderSlackReport(weekly, { run }, { thread: 'none' });
    expect(alone).toHaveLength(1);
    expect(strings(alone).join(' ')).toMatch(/Birch.*Brass hook.*重点.*Shop orders/s);
  });

  it('says with thread none what did not fit, and gives all of it as a file', () => {
    const sections: ReportInput['sections'] = [{ kind: 'markdown', markdown: 'lorem ipsum '.repeat(2_000) }];
    const parts = renderSlackReport(makeReport({ sections }), { run }, { thread: 'none' });
    expect(messagesOf(parts)).toHaveLength(1);
    expect(strings(parts).join(' ')).toMatch(/lorem.*more parts? (?:is|are) not shown here/s);
    expect(filesOf(parts).map(({ source }) => source)).toEqual([{ is: 'report', format: 'html' }]);
    expect(messagesOf(parts).flatMap((message) => checkMessage(message))).toEqual([]);
  });

  it('is plain rich text alone in the format text, with every number', () => {
    const parts = renderSlackReport(weekly, { run }, { format: 'text' });
    expect(new Set(messagesOf(parts).flatMap(({ blocks }) => blocks.map(({ type }) => type)))).toEqual(
      new Set(['rich_text']),
    );
    const shown = strings(parts).join(' ');
    for (const number of ['$55,930', '▲ up 9.5% vs W46', '47,100', '48%', '$11,424', '18.5'])
      expect(shown).toContain(number);
  });

  it('sends the third chart and the second table to the thread, never more than two and one in a message', () => {
    const chart = { type: 'bar' as const, categories: ['a', 'b'], series: [{ name: 's', values: [1, 2] }] };
    const table = { columns: [{ key: 'a', label: 'A' }], rows: [{ a: 'x' }] };
    const sections: ReportInput['sections'] = Array.from({ length: 5 }, (_, n) => [
      { kind: 'chart' as const, alt: `The chart number ${n}`, chart },
      { kind: 'table' as const, caption: `Table ${n}`, ...table },
    ]).flat();
    const parts = renderSlackReport(makeReport({ sections }), { run });
    const held = messagesOf(parts).map(({ blocks }) =>
      (['data_visualization', 'data_table'] as const).map((kind) => blocks.filter(({ type }) => type === kind).length),
    );
    expect(held[0]).toEqual([2, 1]);
    expect(Math.max(...held.map(([charts = 0]) => charts))).toBe(2);
    expect(Math.max(...held.map(([, tables = 0]) => tables))).toBe(1);
    expect(blocksOf(parts, 'data_visualization')).toHaveLength(5);
    expect(blocksOf(parts, 'data_table')).toHaveLength(5);
  });

  it('gives what the destination asked for and the attachments of the report as files at the end', () => {
    const attachments = [{ name: 'a.txt', mediaType: 'text/plain', sha256: '0'.repeat(64), bytes: 3 }];
    const parts = renderSlackReport(makeReport({ attachments }), { run }, { attach: ['json'] });
    expect(parts).toHaveLength(2);
    expect(filesOf(parts).map(({ source }) => source)).toEqual([
      { is: 'blob', sha256: '0'.repeat(64) },
      { is: 'report', format: 'json' },
    ]);
    expect(parts[1]?.text).not.toBe('');
  });

  it('keeps all warnings, those that would bury the report in the thread', () => {
    const warnings = Array.from({ length: 20 }, (_, n) => `warning ${n}. ${'and so on '.repeat(46)}`);
    const messages = render({ warnings });
    expect(strings(messages[0]).join(' ')).toContain('more warnings below');
    for (let n = 0; n < 20; n++) expect(strings(messages).join(' ')).toContain(`warning ${n}.`);
    expect(messages.flatMap((message) => checkMessage(message))).toEqual([]);
  });
});
