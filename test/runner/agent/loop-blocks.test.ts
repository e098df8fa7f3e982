import { describe, expect, test } from 'vitest';
import { converse, sonnet, tool } from '../../support/claude-loop.ts';
import type { WireBlock } from '../../support/claude-events.ts';
import { say, startClaudeWire } from '../../support/claude-wire.ts';

const REPORT = { headline: 'All is well' };
const thought: WireBlock = { type: 'thinking', thinking: '', signature: 'c2lnbmVk' };
const hidden: WireBlock = { type: 'redacted_thinking', data: 'ZW5j' };
const call = (id: string, input: unknown = {}): WireBlock => ({ type: 'tool_use', id, name: 'sales', input });
const text = (words: string): WireBlock => ({ type: 'text', text: words });

describe('what is said back of an answer', () => {
  test('is its thoughts, shown, signed or hidden, as they came', async () => {
    const content = [thought, hidden, text('I look.'), { ...thought, thinking: 'hm' }, call('toolu_a')];
    await using wire = await startClaudeWire([{ content }, say(REPORT)]);
    expect((await converse(wire)).end.state).toBe('completed');
    expect(wire.requests[1]?.body.messages[1].content).toEqual([
      thought,
      hidden,
      { ...text('I look.'), citations: null },
      { ...thought, thinking: 'hm' },
      { ...call('toolu_a'), caller: { type: 'direct' } },
    ]);
  });

  test.each([
    ['an empty text', [text(''), call('toolu_a')]],
    ['a text of nothing but space', [thought, text('\n\n'), call('toolu_a')]],
  ])('has not %s in it, which the service would refuse', async (_, content) => {
    await using wire = await startClaudeWire([{ content }, say(REPORT)]);
    expect((await converse(wire)).end).toMatchObject({ state: 'completed', value: REPORT });
  });

  test.each([
    ['thoughts alone', [thought]],
    ['thoughts and an empty text', [thought, text('')]],
    ['thoughts behind a text', [text('no report'), thought]],
  ])('when it is %s leaves the repair possible', async (_, content) => {
    await using wire = await startClaudeWire([{ content }, say(REPORT)]);
    expect((await converse(wire, { tools: [] })).end).toMatchObject({ state: 'completed', value: REPORT, turns: 2 });
  });

  test('has no call in it that is not answered: a report cut off within a call is truncated', async () => {
    const content = [text(JSON.stringify({ problems: ['no headline'] })), call('toolu_a')];
    await using wire = await startClaudeWire([{ content, stop: 'max_tokens' }, say(REPORT)]);
    expect((await converse(wire)).end).toMatchObject({ state: 'failed', why: 'truncated' });
    expect(wire.requests).toHaveLength(1);
  });

  test.each(['end_turn', 'a_reason_of_tomorrow'])(
    'with calls that stopped by %s has them carried out',
    async (stop) => {
      await using wire = await startClaudeWire([{ content: [call('toolu_a')], stop }, say(REPORT)]);
      const { end, box } = await converse(wire);
      expect([end.state, box.calls().length]).toEqual(['completed', 1]);
    },
  );
});

describe('an answer on the wire', () => {
  const odd = { days: 3, note: 'Crème brûlée 🍮 "quoted" \\ \u2028 end' };

  test.each([1, 2, 3, 7])(
    'is read whole in pieces of %i characters and as many bytes, with pings between',
    async (at) => {
      const headline = 'Crème brûlée 🍮 sells';
      const more = { chop: at, bytes: at, pings: true };
      await using wire = await startClaudeWire([
        { content: [thought, call('toolu_a', odd)], ...more },
        say({ headline }, more),
      ]);
      const seen: unknown[] = [];
      const { end } = await converse(wire, { tools: [tool('sales', (input) => (seen.push(input), { data: 1 }))] });
      expect(end).toMatchObject({ state: 'completed', value: { headline }, microUsd: 2 * sonnet(1000, 200) });
      expect(seen).toEqual([{ days: 3 }]);
      expect(wire.requests[1]?.body.messages[1].content[1].input).toEqual(odd);
    },
  );

  test('is charged once by the sums at its end, also where they are more than at its beginning', async () => {
    const endUsage = { input_tokens: 1500, cache_read_input_tokens: 70, cache_creation_input_tokens: 30 };
    await using wire = await startClaudeWire([say(REPORT, { usage: { input: 1000, output: 200 }, endUsage })]);
    const { end } = await converse(wire, { tools: [] });
    expect(end.tokens).toEqual({ input: 1500, output: 200, cacheRead: 70, cacheWrite5m: 30, cacheWrite1h: 0 });
    expect(end.microUsd).toBe(sonnet(1500, 200) + 7 + 75);
  });

  test('is charged by its beginning where its end says null', async () => {
    const endUsage = { input_tokens: null, cache_read_input_tokens: null, cache_creation_input_tokens: null };
    const usage = { input: 1000, output: 200, cacheRead: 50, cacheWrite5m: 40 };
    await using wire = await startClaudeWire([say(REPORT, { usage, endUsage })]);
    const { end } = await converse(wire, { tools: [] });
    expect(end.microUsd).toBe(sonnet(1000, 200) + 5 + 100);
  });

  test('has its thoughts charged once, with its words', async () => {
    const endUsage = { output_tokens: 900, output_tokens_details: { thinking_tokens: 700 } };
    await using wire = await startClaudeWire([say(REPORT, { endUsage })]);
    expect((await converse(wire, { tools: [] })).end.microUsd).toBe(sonnet(1000, 900));
  });

  test('that is refused half-way is charged for what it said', async () => {
    const usage = { input: 1000, output: 60 };
    await using wire = await startClaudeWire([
      { content: [text('{"headli')], stop: 'refusal', category: 'bio', usage },
    ]);
    const { end } = await converse(wire, { tools: [] });
    expect(end).toMatchObject({ state: 'failed', why: 'refusal', microUsd: sonnet(1000, 60) });
  });
});

test.each(['claude-haiku-4-5', 'claude-haiku-4-5-20251001'])(
  'a model without effort (%s) is not told one',
  async (model) => {
    await using wire = await startClaudeWire([say(REPORT)]);
    const { end } = await converse(wire, { tools: [], job: { model, effort: 'medium', requires: [] } });
    expect(end.state).toBe('completed');
    expect(wire.requests[0]?.body.output_config).not.toHaveProperty('effort');
  },
);
