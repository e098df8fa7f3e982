import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkMessage, countChars } from '../../src/render/slack/check.ts';
import { SLACK_LIMITS } from '../../src/render/slack/limits.ts';
import type { SlackMessage } from '../../src/render/slack/message.ts';
import { renderSlackReport as renderParts } from '../../src/render/slack/report.ts';
import type { ReportInput } from '../../src/store/report.ts';
import { makeReport, sampleReport, sampleRun } from '../support/delivery-report.ts';

const run = sampleRun();
const renderSlackReport = (...args: Parameters<typeof renderParts>): SlackMessage[] =>
  renderParts(...args).filter((part) => 'blocks' in part);
const render = (input: Partial<ReportInput>): SlackMessage[] => renderSlackReport(makeReport(input), { run });

/** Every string of a message that a reader sees, or that Slack parses. */
function strings(value: unknown, keys: readonly string[] = ['text', 'url', 'title']): string[] {
  if (Array.isArray(value)) return value.flatMap((item) => strings(item, keys));
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, item]) =>
    typeof item === 'string' ? (keys.includes(key) ? [item] : []) : strings(item, keys),
  );
}

/** What Slack parses for mentions: fallback texts and mrkdwn. */
function parsed(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(parsed);
  if (typeof value !== 'object' || value === null) return [];
  const fields: Record<string, unknown> = { ...value };
  const own = fields['type'] === 'mrkdwn' && typeof fields['text'] === 'string' ? [fields['text']] : [];
  return [...own, ...Object.values(fields).flatMap(parsed)];
}

const MENTION = /<(?:!|@|#)/;
const LONE_SURROGATE = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;

const nasty = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 200 }),
  fc.constantFrom(
    '<!channel>',
    '<@U123>',
    '*bold*',
    '👩‍👩‍👧‍👦'.repeat(40),
    'مرحبا بالعالم',
    '売上は前週比',
    '```\ncode',
    '| a | b |\n|---|---|\n| 1 | 2 |',
  ),
  fc.string({ unit: 'grapheme', minLength: 2_000, maxLength: 9_000 }),
);
const line = (max: number): fc.Arbitrary<string> =>
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: max }).map((text) => text.slice(0, max).trim() || 'x');
const figure = fc.record({
  label: line(60),
  value: fc.constant(1),
  display: line(40),
  delta: fc.record({
    value: fc.double({ noNaN: true, noDefaultInfinity: true }),
    versus: line(60),
    good: fc.constantFrom('up', 'down', 'neutral'),
  }),
});
const priority = fc.constantFrom('summary', 'detail');
const section = fc.oneof(
  fc.record({
    kind: fc.constant('markdown'),
    title: line(120),
    priority,
    markdown: fc.array(nasty, { maxLength: 12 }).map((parts) => parts.join('\n\n')),
  }),
  fc.record({ kind: fc.constant('figures'), priority, figures: fc.array(figure, { minLength: 1, maxLength: 12 }) }),
);
const reportInput = fc.record({
  title: line(150),
  summary: line(600),
  status: fc.constantFrom('ok', 'partial', 'failed'),
  sections: fc.array(section, { maxLength: 8 }),
  warnings: fc.array(line(500), { maxLength: 20 }),
});

describe('a report in Slack', () => {
  it('is the headline in the channel and the details in the thread', () => {
    const messages = renderSlackReport(sampleReport(), { run });
    expect(messages).toHaveLength(2);
    const [headline = '', thread = ''] = messages.map((message) => JSON.stringify(message));
    expect(headline).toContain('$55,930');
    expect(headline).toContain('Recommendations');
    expect(headline).toContain('more in the thread');
    expect(headline).not.toContain('Top products');
    expect(thread).toContain('Alpine Shell Jacket');
    expect(messages.flatMap((message) => checkMessage(message))).toEqual([]);
  });

  it('keeps every limit of Slack for any report', () => {
    fc.assert(
      fc.property(reportInput, (input) => {
        const messages = render(input);
        for (const message of messages) {
          expect(checkMessage(message)).toEqual([]);
          expect(countChars(message.blocks)).toBeLessThanOrEqual(SLACK_LIMITS.messageChars);
          expect(strings(message).some((text) => LONE_SURROGATE.test(text))).toBe(false);
          expect([message.text, ...parsed(message.blocks)].some((text) => MENTION.test(text))).toBe(false);
        }
        expect(messages.length).toBeLessThanOrEqual(8);
      }),
      { numRuns: 120, seed: 47 },
    );
  });

  it('keeps every word and every link of 40,000 hostile characters, and no mention lives', () => {
    const paragraphs = Array.from({ length: 220 }, (_, n) =>
      [
        `Paragraph w${n}a with **bold w${n}b** and [link w${n}c](https://example.com/p/${n}?a=1&b=2) <!channel> <@U123> <#C1|x>`,
        '👨‍👩‍👧‍👦'.repeat(3),
        'مرحبا بالعالم 売上は**前週比**でした',
      ].join(' '),
    );
    const long = 'x'.repeat(8_000);
    const markdown = [
      ...paragraphs.slice(0, 110),
      long,
      '```',
      'code '.repeat(300),
      '```',
      ...paragraphs.slice(110),
    ].join('\n\n');
    expect(markdown.length).toBeGreaterThan(40_000);
    const messages = render({ sections: [{ kind: 'markdown', markdown }] });
    const text = strings(messages, ['text']).join('');
    for (let n = 0; n < 220; n++) for (const letter of 'abc') expect(text).toContain(`w${n}${letter}`);
    expect(text.match(/x{100,}/g)?.join('').length).toBe(8_000);
    expect(text.match(/👨‍👩‍👧‍👦/gu)).toHaveLength(660);
    const links = strings(messages, ['url']).filter((url) => url.startsWith('https://example.com/p/'));
    expect(links).toHaveLength(220);
    expect(
      messages.flatMap((message) => [message.text, ...parsed(message.blocks)]).some((one) => MENTION.test(one)),
    ).toBe(false);
    expect(messages.flatMap((message) => checkMessage(message))).toEqual([]);
    expect(messages.length).toBeLessThanOrEqual(8);
  });

  it('lets no field of a report mention anybody, and shows the text as it is', () => {
    const evil = '<!channel> <@U123> <#C1|x>';
    const messages = renderSlackReport(
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
    );
    const seen = messages.flatMap((message) => [message.text, ...parsed(message.blocks)]);
    expect(seen.length).toBeGreaterThan(3);
    for (const text of seen) expect(text).not.toMatch(MENTION);
    expect(strings(messages, ['text']).join('')).toContain('<!channel> <@U123>');
  });

  it('says what is not shown when it is longer than eight messages', () => {
    const markdown = 'lorem ipsum dolor sit amet '.repeat(14_000);
    const messages = render({ sections: [{ kind: 'markdown', markdown }] });
    expect(messages).toHaveLength(8);
    expect(strings(messages.at(-1)).join(' ')).toMatch(/more parts are not shown here .* bellhop runs show run_/);
    expect(messages.flatMap((message) => checkMessage(message))).toEqual([]);
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
});

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

  it('names the place as a JSON pointer', () => {
    const blocks = [
      { type: 'divider' },
      { type: 'actions', elements: [{ type: 'button', text: { type: 'plain_text', text: 'x'.repeat(76) } }] },
    ];
    expect(checkMessage({ text: 'x', blocks })[0]?.pointer).toBe('/blocks/1/elements/0/text/text');
  });
});
