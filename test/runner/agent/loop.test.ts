import { describe, expect, test } from 'vitest';
import { callTools, say, startClaudeWire } from '../../support/claude-wire.ts';
import { MODEL, converse, sonnet, tool } from '../../support/claude-loop.ts';

const REPORT = { headline: 'All is well' };
const USAGE = { input: 1000, output: 200 };
const TURN = sonnet(1000, 200);

describe('a conversation', () => {
  test('calls a tool, then writes its report: exact tokens, dollars, requests', async () => {
    await using wire = await startClaudeWire(
      [
        callTools([{ name: 'sales', input: { days: 7 } }], { usage: { input: 1200, output: 80, cacheWrite5m: 900 } }),
        say(REPORT, { usage: { input: 300, output: 500, cacheRead: 2100, cacheWrite1h: 10 } }),
      ],
      { count: 2000 },
    );
    const { end, told } = await converse(wire);
    const first = 1200 * 2 + 80 * 10 + 900 * 2.5;
    const second = 300 * 2 + 500 * 10 + 2100 * 0.1 + 10 * 4;
    expect(end).toEqual({
      state: 'completed',
      why: 'done',
      cutShort: false,
      value: REPORT,
      lint: [],
      turns: 2,
      tokens: { input: 1500, output: 580, cacheRead: 2100, cacheWrite5m: 900, cacheWrite1h: 10 },
      microUsd: first + second,
      unchargedMicroUsd: second,
      requestIds: ['req_1', 'req_2'],
    });
    expect(told[0]).toEqual({ spentMicroUsd: 0, boundMicroUsd: 2000 * 2.5 + 16_000 * 10 });
    expect(told[1]?.spentMicroUsd).toBe(first);
    expect([wire.counts.length, wire.requests.length]).toEqual([1, 2]);
  });

  test('sends what the service understands: no temperature, no thinking, a plain schema, effort, the cache', async () => {
    await using wire = await startClaudeWire([callTools([{ name: 'sales' }]), say(REPORT)]);
    await converse(wire, { schema: { type: 'object', properties: { headline: { type: 'string' } } } });
    const { messages, ...body } = wire.requests[0]?.body ?? {};
    expect(body).toEqual({
      model: MODEL,
      max_tokens: 16_000,
      stream: true,
      system: 'You judge.',
      cache_control: { type: 'ephemeral' },
      tools: [
        {
          name: 'sales',
          description: 'Reads sales.',
          input_schema: {
            type: 'object',
            properties: { days: { type: 'integer', default: 7, minimum: -9007199254740991, maximum: 60 } },
          },
        },
      ],
      tool_choice: { type: 'auto' },
      output_config: {
        effort: 'medium',
        format: { type: 'json_schema', schema: { type: 'object', properties: { headline: { type: 'string' } } } },
      },
    });
    expect(messages).toEqual([{ role: 'user', content: [{ type: 'text', text: 'Judge.' }] }]);
    const { cache_control: _, max_tokens: __, stream: ___, ...counted } = wire.requests[0]?.body ?? {};
    expect(wire.counts[0]?.body).toEqual(counted);
  });

  test('gives thinking and calls back untouched, and results in the order of the calls', async () => {
    const thinking = { type: 'thinking' as const, thinking: 'hm', signature: 'c2ln' };
    const calls = callTools([
      { name: 'slow', id: 'toolu_a' },
      { name: 'fast', id: 'toolu_b', input: { days: 3 } },
    ]);
    await using wire = await startClaudeWire([
      { ...calls, content: [thinking, ...(calls.content ?? [])] },
      say(REPORT),
    ]);
    const slow = Promise.withResolvers<void>();
    const tools = [
      tool('slow', () => slow.promise.then(() => ({ data: 'late' }))),
      tool('fast', () => (slow.resolve(), { data: 'soon' })),
    ];
    const { end, box } = await converse(wire, { tools });
    expect(end.state).toBe('completed');
    const [, answer, results] = wire.requests[1]?.body.messages ?? [];
    expect(answer).toEqual({
      role: 'assistant',
      content: [
        thinking,
        { type: 'tool_use', id: 'toolu_a', name: 'slow', input: {}, caller: { type: 'direct' } },
        { type: 'tool_use', id: 'toolu_b', name: 'fast', input: { days: 3 }, caller: { type: 'direct' } },
      ],
    });
    expect(results.content).toMatchObject([
      { type: 'tool_result', tool_use_id: 'toolu_a', content: expect.stringContaining('late') },
      { type: 'tool_result', tool_use_id: 'toolu_b', content: expect.stringContaining('soon') },
    ]);
    // They ran at the same time: the slow one waited for the fast one.
    expect(box.calls().map(({ name }) => name)).toEqual(['fast', 'slow']);
  });

  test('charges by the model that was asked for, when the answer names a snapshot of it', async () => {
    const usage = { input: 1000, output: 100 };
    await using wire = await startClaudeWire([say(REPORT, { model: `${MODEL}-20260928`, usage })]);
    const { end } = await converse(wire, { tools: [] });
    expect(end.microUsd).toBe(sonnet(1000, 100));
  });

  test('without a price has no dollars, and is held by tokens alone', async () => {
    await using wire = await startClaudeWire([say(REPORT)], { count: 1000 });
    const { end, told } = await converse(wire, { tools: [], price: undefined, limits: { microUsd: null } });
    expect(end).toMatchObject({ state: 'completed', microUsd: null, unchargedMicroUsd: 0 });
    expect(told).toEqual([{ spentMicroUsd: 0, boundMicroUsd: 0 }]);
  });

  test('goes on after a pause, within its turns', async () => {
    const pause = say('one moment', { stop: 'pause_turn', usage: USAGE });
    await using wire = await startClaudeWire([pause, say(REPORT, { usage: USAGE })]);
    const { end } = await converse(wire, { tools: [] });
    expect(end).toMatchObject({ state: 'completed', turns: 2, microUsd: 2 * TURN });
    expect(wire.requests[1]?.body.messages.at(-1)).toMatchObject({ role: 'assistant' });
    await using endless = await startClaudeWire(() => pause);
    const second = await converse(endless, { tools: [], limits: { turns: 3 } });
    expect(second.end).toMatchObject({ state: 'failed', why: 'max_turns', microUsd: 3 * TURN });
    expect(second.end.error).toMatchObject({ code: 'AGENT_LIMIT', permanent: true });
    expect(endless.requests).toHaveLength(3);
  });

  test.each(['stop_sequence', 'a_reason_of_tomorrow'])(
    'takes an answer that stopped by %s for what it is',
    async (stop) => {
      await using wire = await startClaudeWire([say(REPORT, { stop })]);
      expect((await converse(wire, { tools: [] })).end).toMatchObject({ state: 'completed', value: REPORT });
    },
  );

  test('counts half of the bytes where the service does not count', async () => {
    for (const count of [() => ({ status: 500 }), () => ({ status: 404 }), 0]) {
      await using wire = await startClaudeWire([say(REPORT)], { count });
      const { told, end } = await converse(wire, { tools: [] });
      const { cache_control: _, max_tokens: __, stream: ___, ...counted } = wire.requests[0]?.body ?? {};
      const tokens = Math.ceil(JSON.stringify(counted).length / 2);
      expect(told[0]?.boundMicroUsd).toBe(Math.ceil(tokens * 2.5) + 160_000);
      expect([end.state, wire.counts.length]).toEqual(['completed', 1]);
      // Seconds: nothing waits for a count as long as for an answer.
      expect(wire.counts[0]?.headers['x-stainless-timeout']).toBe('10');
    }
  });
});

describe('an answer that is no report', () => {
  test('is sent back once with its problems, and the mended one is taken', async () => {
    const bad = say({ problems: ['no headline', 'F9 is no fact'] }, { usage: USAGE });
    await using wire = await startClaudeWire([bad, say(REPORT, { usage: USAGE })]);
    const { end } = await converse(wire, { tools: [] });
    expect(end).toMatchObject({ state: 'completed', why: 'done', cutShort: false, value: REPORT, microUsd: 2 * TURN });
    expect(wire.requests[1]?.body.messages.at(-1).content[0].text).toContain('- no headline\n- F9 is no fact');
  });

  test('is told its first twenty problems, each cut, and how many more there are', async () => {
    const problems = Array.from({ length: 23 }, (_, at) => `${at} ${'x'.repeat(500)}`);
    await using wire = await startClaudeWire([say({ problems }), say(REPORT)]);
    await converse(wire, { tools: [] });
    const lines = wire.requests[1]?.body.messages.at(-1).content[0].text.split('\n').slice(1);
    expect(lines).toHaveLength(21);
    expect(lines[19]).toBe(`- 19 ${'x'.repeat(296)}…`);
    expect(lines[20]).toBe('(3 more are not listed)');
  });

  test('is read as the last chance when the money does not reach for its problems', async () => {
    const bad = say({ problems: ['F9 is no fact'] }, { usage: { input: 1000, output: 200 } });
    // 4,000 are spent. The next request has 1,200 tokens of input and as many of problems as are allowed, and 1,024 to answer.
    const enough = 4_000 + (1_200 + 2_500) * 2.5 + 10_240;
    for (const [microUsd, requests] of [
      [enough, 2],
      [enough - 1, 1],
    ] as const) {
      await using wire = await startClaudeWire([bad, say(REPORT)], { count: 1000 });
      expect((await converse(wire, { tools: [], limits: { microUsd } })).end.state).toBe('completed');
      expect(wire.requests).toHaveLength(requests);
    }
  });

  test('is read for the last time after the repair: what is wrong is left out', async () => {
    await using wire = await startClaudeWire(() => say({ problems: ['F9 is no fact'] }, { usage: USAGE }));
    const { end } = await converse(wire, { tools: [] });
    expect(end).toMatchObject({ state: 'completed', lint: ['F9 is no fact'], microUsd: 2 * TURN });
    expect(wire.requests).toHaveLength(2);
  });

  test('fails when it is no JSON twice', async () => {
    await using wire = await startClaudeWire(() => say('Here you are: all is well.', { usage: USAGE }));
    const { end } = await converse(wire, { tools: [] });
    expect(end).toMatchObject({ state: 'failed', why: 'bad_output', microUsd: 2 * TURN, unchargedMicroUsd: TURN });
    expect(end.error).toMatchObject({ code: 'AGENT_ANSWER', permanent: true });
    expect(wire.requests).toHaveLength(2);
  });

  test.each([
    ['thinks and says nothing', [{ type: 'thinking' as const, thinking: 'hm', signature: 'c2ln' }]],
    ['is empty', []],
  ])('fails when it %s twice, and no empty message is sent back', async (_, content) => {
    await using wire = await startClaudeWire(() => ({ content, usage: USAGE }));
    const { end } = await converse(wire, { tools: [] });
    expect(end).toMatchObject({ state: 'failed', why: 'bad_output', microUsd: 2 * TURN });
    expect(wire.requests).toHaveLength(2);
    for (const message of wire.requests[1]?.body.messages ?? []) expect(message.content).not.toEqual([]);
  });

  test('is read as the last chance when no turn is left for a repair', async () => {
    await using wire = await startClaudeWire([say({ problems: ['F9 is no fact'] })]);
    const { end } = await converse(wire, { tools: [], limits: { turns: 1 } });
    expect(end).toMatchObject({ state: 'completed', lint: ['F9 is no fact'], turns: 1 });
    expect(wire.requests).toHaveLength(1);
  });

  test('is read as the last chance when no money is left for a repair', async () => {
    const dear = say({ problems: ['F9 is no fact'] }, { usage: { input: 1000, output: 2000 } });
    await using wire = await startClaudeWire([dear], { count: 1000 });
    const { end } = await converse(wire, { tools: [], limits: { microUsd: 26_000 } });
    expect(end).toMatchObject({ state: 'completed', lint: ['F9 is no fact'], microUsd: sonnet(1000, 2000) });
    expect(wire.requests).toHaveLength(1);
  });

  test('that the repair stretches to the last turn is not cut short by it', async () => {
    await using wire = await startClaudeWire([
      callTools([{ name: 'sales' }]),
      say({ problems: ['no headline'] }),
      say(REPORT),
    ]);
    const { end } = await converse(wire, { limits: { turns: 3 } });
    expect(end).toMatchObject({ state: 'completed', why: 'done', cutShort: false, value: REPORT, turns: 3 });
  });

  test('fails as refused, with the category', async () => {
    await using wire = await startClaudeWire([say('', { stop: 'refusal', category: 'cyber', usage: USAGE })]);
    const { end } = await converse(wire, { tools: [] });
    expect(end).toMatchObject({ state: 'failed', why: 'refusal', microUsd: TURN });
    expect(end.error).toMatchObject({ code: 'AGENT_ANSWER', permanent: true, message: 'the model refused: cyber' });
    expect(wire.requests).toHaveLength(1);
  });

  test('fails as truncated when it was cut off, and is not asked again', async () => {
    await using wire = await startClaudeWire([say('{"headline":"All is', { stop: 'max_tokens', usage: USAGE })]);
    const { end } = await converse(wire, { tools: [] });
    expect(end).toMatchObject({ state: 'failed', why: 'truncated', microUsd: TURN });
    expect(end.error).toMatchObject({ code: 'AGENT_ANSWER', permanent: true });
    expect(wire.requests).toHaveLength(1);
  });

  test('is taken when it was cut off behind its last brace', async () => {
    await using wire = await startClaudeWire([say(REPORT, { stop: 'max_tokens' })]);
    expect((await converse(wire, { tools: [] })).end).toMatchObject({ state: 'completed', value: REPORT });
  });

  test('carries out no call that was cut off', async () => {
    const half = callTools([{ name: 'sales' }], { stop: 'max_tokens' });
    await using wire = await startClaudeWire([half]);
    const { end, box } = await converse(wire);
    expect([end.why, box.calls().length, wire.requests.length]).toEqual(['truncated', 0, 1]);
  });

  test('fails as too long for the model', async () => {
    await using wire = await startClaudeWire([say('', { stop: 'model_context_window_exceeded', usage: USAGE })]);
    const { end } = await converse(wire, { tools: [] });
    expect(end).toMatchObject({ state: 'failed', why: 'context', microUsd: TURN });
    expect(end.error?.hint).toContain('maxResultChars');
  });
});
