import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkMessage } from '../../src/render/slack/check.ts';
import { degradeBlock, splitMessage } from '../../src/render/slack/degrade.ts';
import type { SlackMessage } from '../../src/render/slack/message.ts';
import { renderSlackReport } from '../../src/render/slack/report.ts';
import { Report } from '../../src/store/report.ts';
import { sampleRun } from '../support/delivery-report.ts';
import { anyReport } from '../support/report-arbitrary.ts';
import { LIVE_MENTION, messagesOf, parsedTexts, strings } from '../support/slack-blocks.ts';

const weekly = Report.parse(JSON.parse(readFileSync('test/fixtures/reports/weekly.json', 'utf8')));
const run = sampleRun();
const [sample = { text: '', blocks: [] }] = messagesOf(renderSlackReport(weekly, { run }));
const indexOf = (message: SlackMessage, type: string): number =>
  message.blocks.findIndex((block) => block.type === type);
const words = (value: unknown): string[] =>
  strings(value)
    .join(' ')
    .match(/zq\d+x/g) ?? [];

describe('a message that Slack refuses', () => {
  it.each([
    ['data_table', ['The eight products', 'Alder lamp', 'https://example.com/p/0', '$11,424', 'Brass hook, set of 4']],
    ['data_visualization', ['Revenue by week', 'This year: W36 41200', 'W47 47100']],
    ['section', ['Revenue', '$55,930', '▲ up 9.5% vs W46']],
    ['header', ['Weekly merchandising · Hazel & Oak']],
  ])('has its %s as text that says so, and every other block as it was', (type, expected) => {
    const index = indexOf(sample, type);
    const degraded = degradeBlock(sample, `/blocks/${index}/rows/1`);
    expect(degraded?.blocks.filter((_, at) => at !== index)).toEqual(sample.blocks.filter((_, at) => at !== index));
    expect(degraded?.blocks[index]?.type).toBe('rich_text');
    const text = strings(degraded?.blocks[index]).join('');
    for (const one of [...expected, 'shown as text, because Slack refused its layout']) expect(text).toContain(one);
    expect(checkMessage(degraded ?? {})).toEqual([]);
  });

  it('is not degraded twice in one place, nor where no block is', () => {
    const once = degradeBlock(sample, '/blocks/2');
    expect(once === undefined ? once : degradeBlock(once, '/blocks/2')).toBeUndefined();
    for (const pointer of ['', '/blocks', '/blocks/99', '/text', '/blocks/x'])
      expect(degradeBlock(sample, pointer)).toBeUndefined();
  });

  it('shows what mrkdwn said, literally', () => {
    const blocks: SlackMessage['blocks'] = [
      { type: 'section', text: { type: 'mrkdwn', text: 'a &lt;!channel&gt; <https://example.com/?a=1&amp;b=2|here>' } },
    ];
    const degraded = degradeBlock({ text: 'x', blocks }, '/blocks/0');
    expect(strings(degraded?.blocks).join('')).toContain('a <!channel> here https://example.com/?a=1&b=2');
    expect(parsedTexts([degraded ?? { text: '', blocks: [] }]).filter((text) => LIVE_MENTION.test(text))).toEqual([]);
  });

  it('is two messages with every block, a title with what it is the title of', () => {
    const [first, second] = splitMessage(sample) ?? [];
    expect([...(first?.blocks ?? []), ...(second?.blocks ?? [])]).toEqual(sample.blocks);
    expect(first?.blocks.at(-1)?.type).not.toBe('header');
    expect(second?.text).toBe(`Continued: ${sample.text}`);
  });

  it('of one rich text is divided between its elements, and one element not at all', () => {
    const element = { type: 'rich_text_section' as const, elements: [{ type: 'text' as const, text: 'x' }] };
    const halves = splitMessage({ text: 'x', blocks: [{ type: 'rich_text', elements: [element, element, element] }] });
    expect(halves?.map(({ blocks }) => blocks)).toEqual([
      [{ type: 'rich_text', elements: [element] }],
      [{ type: 'rich_text', elements: [element, element] }],
    ]);
    expect(splitMessage({ text: 'x', blocks: [{ type: 'rich_text', elements: [element] }] })).toBeUndefined();
    expect(splitMessage({ text: 'x', blocks: [] })).toBeUndefined();
  });

  it('loses no word of any report when all its blocks are text, or when it is divided', { timeout: 60_000 }, () => {
    fc.assert(
      fc.property(anyReport(), (report) => {
        for (const message of messagesOf(renderSlackReport(report, { run }))) {
          const before = new Set(words(message.blocks));
          let text = message;
          for (let at = message.blocks.length - 1; at >= 0; at--) text = degradeBlock(text, `/blocks/${at}`) ?? text;
          expect(new Set(words(text.blocks))).toEqual(before);
          const ids = text.blocks.map(({ block_id }) => block_id);
          expect(new Set(ids).size).toBe(ids.length);
          const halves = splitMessage(message);
          if (halves !== undefined) expect(new Set(words(halves.map(({ blocks }) => blocks)))).toEqual(before);
        }
      }),
      { numRuns: 100, seed: 50 },
    );
  });
});
