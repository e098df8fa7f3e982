import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { countChars } from '../../src/render/slack/chars.ts';
import { checkMessage } from '../../src/render/slack/check.ts';
import type { SlackPart } from '../../src/render/slack/message.ts';
import { renderSlackReport } from '../../src/render/slack/report.ts';
import { Report } from '../../src/store/report.ts';
import { anyReport, hostileReport } from '../support/report-arbitrary.ts';
import {
  blocksOf,
  filesOf,
  LIVE_MENTION,
  LONE_SURROGATE,
  messagesOf,
  parsedTexts,
  strings,
} from '../support/slack-blocks.ts';
import { sampleRun } from '../support/delivery-report.ts';

const run = sampleRun();
const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' });
const options = fc.record({
  format: fc.constantFrom('native', 'native', 'text'),
  thread: fc.constantFrom('detail', 'detail', 'all', 'none'),
  attach: fc.constantFrom([], ['csv', 'html'] as const),
});

/** What no report may become. */
function expectSafe(parts: readonly SlackPart[]): void {
  const messages = messagesOf(parts);
  expect(parts[0]).toHaveProperty('blocks');
  expect(messages.length).toBeLessThanOrEqual(8);
  for (const message of messages) {
    expect(checkMessage(message)).toEqual([]);
    expect(message.blocks.length).toBeLessThanOrEqual(50);
    expect(countChars(message.blocks)).toBeLessThanOrEqual(10_000);
    expect(message.text.trim()).not.toBe('');
  }
  expect(LONE_SURROGATE.test(strings(parts).join('\n'))).toBe(false);
  expect(parsedTexts(parts).filter((text) => LIVE_MENTION.test(text))).toEqual([]);
  // oxlint-disable-next-line no-control-regex -- control characters are what must not be there
  expect(strings(parts).filter((text) => /[\u0000-\u0008\u001b\u0080-\u009f\u202a-\u202e]/.test(text))).toEqual([]);
}

/** The words of a report that can be looked for, with the section that they stand in (-1: none). */
function wordsOf(report: Report): Map<string, number> {
  const words = new Map<string, number>();
  const note = (value: unknown, at: number): void => {
    for (const [word] of JSON.stringify(value).matchAll(/(?<![A-Za-z0-9])zq\d+x(?![A-Za-z0-9])/g)) words.set(word, at);
  };
  const { title, summary, warnings, sources, period, cost } = report;
  report.sections.forEach((section, at) => note(section, at));
  note([title, summary, warnings, sources, period, cost?.model], -1);
  return words;
}

describe('1,000 generated reports in Slack', () => {
  it(
    'break no limit, mention nobody, cut no surrogate pair and need at most eight messages',
    { timeout: 120_000 },
    () => {
      fc.assert(
        fc.property(anyReport(), options, (report, asked) => {
          expectSafe(renderSlackReport(report, { run }, asked));
        }),
        { numRuns: 1_000, seed: 47 },
      );
    },
  );

  it('lose no word: it is shown, or stands in a file that is named', { timeout: 120_000 }, () => {
    fc.assert(
      fc.property(anyReport(), options, (report, asked) => {
        const parts = renderSlackReport(report, { run }, asked);
        const shown = strings(parts).join(' ');
        const plans = filesOf(parts);
        const isFile = (at: number): boolean =>
          plans.some(({ source }) => source.is === 'report' || (source.is === 'table' && source.section === at));
        const lost = [...wordsOf(report)].filter(([word, at]) => !shown.includes(word) && !isFile(at));
        expect(lost).toEqual([]);
        for (const { name, source } of plans)
          if (source.is !== 'blob' && !asked.attach.length) expect(shown).toContain(name);
      }),
      { numRuns: 300, seed: 48 },
    );
  });

  it('name every table with its caption and say every native chart in words', { timeout: 120_000 }, () => {
    fc.assert(
      fc.property(anyReport(), (report) => {
        const parts = renderSlackReport(report, { run });
        for (const { caption } of blocksOf(parts, 'data_table')) expect(caption).not.toBe('');
        for (const { blocks } of messagesOf(parts))
          blocks.forEach((block, at) => {
            if (block.type !== 'data_visualization') return;
            expect(strings(blocks[at + 1]).join('')).toMatch(/^Shown: /);
          });
        for (const plan of filesOf(parts)) if (plan.source.is === 'chart') expect(plan.alt).toMatch(/^Shown: /);
      }),
      { numRuns: 200, seed: 49 },
    );
  });
});

describe('more than 40,000 hostile characters in Slack', () => {
  const report = hostileReport();
  const parts = renderSlackReport(report, { run });
  const text = strings(parts, ['text']).join('');

  it('are at most eight messages of at most 50 blocks and 10,000 characters, and mention nobody', () => {
    const length = report.sections.reduce((sum, one) => sum + (one.kind === 'markdown' ? one.markdown.length : 0), 0);
    expect(length).toBeGreaterThan(40_000);
    expectSafe(parts);
    expect(text).toContain('<!channel> <@U123>');
  });

  it('keep every word, every link and every line of code', () => {
    for (let n = 0; n < 222; n++) for (const letter of 'abc') expect(text).toContain(`w${n}${letter}`);
    for (let n = 0; n < 150; n++) expect(text).toContain(`w${n}d`);
    const links = strings(parts, ['url']).filter((url) => url.startsWith('https://example.com/p/'));
    expect(links).toHaveLength(222);
    expect(text.match(/x{100,}/g)?.join('')).toHaveLength(8_000);
  });

  it('have no grapheme cut in two', () => {
    const count = (of: string, what: string): number =>
      [...graphemes.segment(of)].filter(({ segment }) => segment === what).length;
    const elements = strings(parts, ['text']);
    for (const [grapheme, times] of [
      ['👩‍👩‍👧‍👦', 300],
      ['🎉', 722],
      ['🇩🇪', 122],
      ['👍🏽', 122],
    ] as const) {
      // One element at a time: a grapheme that two of them share is none.
      expect(elements.reduce((sum, element) => sum + count(element, grapheme), 0)).toBe(times);
    }
  });

  it('are the same bytes every time', () => {
    expect(JSON.stringify(renderSlackReport(Report.parse(report), { run }))).toBe(JSON.stringify(parts));
  });
});
