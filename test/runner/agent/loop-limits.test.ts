import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { openClaude } from '../../../src/runner/kinds/agent/conversation/client.ts';
import { RunError } from '../../../src/errors.ts';
import { MODEL, converse, sonnet, tool, toolbox } from '../../support/claude-loop.ts';
import { callTools, say, startClaudeWire } from '../../support/claude-wire.ts';
import type { WireRequest, WireStep, WireUsage } from '../../support/claude-wire.ts';

const REPORT = { headline: 'All is well' };
const call = (days: number, usage: WireUsage): WireStep => callTools([{ name: 'sales', input: { days } }], { usage });
const lastText = (request: WireRequest | undefined): string => {
  const content = request?.body.messages.at(-1).content ?? [];
  return content.at(-1).text ?? '';
};

describe('a limit that is nearly reached', () => {
  test('of turns: the last turn has no tools, and says so', async () => {
    await using wire = await startClaudeWire([call(1, {}), call(2, {}), say(REPORT)]);
    const { end } = await converse(wire, { limits: { turns: 3 } });
    expect(end).toMatchObject({ state: 'completed', why: 'max_turns', cutShort: true, turns: 3, value: REPORT });
    expect(wire.requests.map(({ body }) => body.tool_choice.type)).toEqual(['auto', 'auto', 'none']);
    expect(lastText(wire.requests[2])).toContain('Do not call tools any more');
    // Behind the results of the call, in the same message.
    expect(wire.requests[2]?.body.messages.at(-1).content[0].type).toBe('tool_result');
  });

  test('of turns: a model that calls on all the same has no report', async () => {
    await using wire = await startClaudeWire((_, n) => call(n, { input: 1000, output: 100 }));
    const { end, box } = await converse(wire, { limits: { turns: 3 } });
    expect(end).toMatchObject({ state: 'failed', why: 'max_turns', cutShort: false, microUsd: 3 * sonnet(1000, 100) });
    expect(end.error).toMatchObject({ code: 'AGENT_LIMIT', permanent: true });
    expect(end.error?.hint).toContain('budget.turns');
    expect([wire.requests.length, box.calls().length]).toEqual([3, 2]);
  });

  test('of money: four fifths of it spent, the report is written', async () => {
    const usage = { input: 1000, output: 800 };
    const script = ({ body }: WireRequest, n: number): WireStep =>
      body.tool_choice.type === 'none' ? say(REPORT, { usage: { input: 1000, output: 100 } }) : call(n, usage);
    await using wire = await startClaudeWire(script, { count: 1000 });
    const { end, told } = await converse(wire, { limits: { microUsd: 100_000, outputTokens: 1_024, turns: 20 } });
    expect(end).toMatchObject({ state: 'completed', why: 'budget_usd', cutShort: true, turns: 9 });
    expect(end.microUsd).toBe(8 * 10_000 + sonnet(1000, 100));
    expect(lastText(wire.requests[8])).toContain('(budget_usd)');
    expect(told[8]?.spentMicroUsd).toBe(10_000);
  });

  test('of tokens: four fifths of them used, the report is written', async () => {
    await using wire = await startClaudeWire([call(1, { input: 2_000, output: 800 }), say(REPORT)], { count: 2_000 });
    const { end } = await converse(wire, { limits: { tokens: 8_000, outputTokens: 5_000 } });
    expect(end).toMatchObject({ state: 'completed', why: 'budget_tokens', cutShort: true });
    expect(wire.requests[1]?.body.max_tokens).toBeLessThan(5_000);
    expect(wire.requests[1]?.body.tool_choice).toEqual({ type: 'none' });
  });

  test('of tokens: a turn that used more than was announced leaves none, and nothing more is sent', async () => {
    const surprise = { input: 9_000, output: 9_000 };
    await using wire = await startClaudeWire([call(1, surprise), say(REPORT)], { count: 2_000 });
    const { end } = await converse(wire, { limits: { tokens: 20_000 } });
    expect(end).toMatchObject({ state: 'failed', why: 'budget_tokens', microUsd: sonnet(9_000, 9_000) });
    expect(wire.requests).toHaveLength(1);
  });

  test('of calls: those beyond it are not carried out, and the report is written', async () => {
    const many = callTools([1, 2, 3, 4, 5].map((days) => ({ name: 'sales', input: { days } })));
    await using wire = await startClaudeWire([many, say(REPORT)]);
    const { end, box } = await converse(wire, { limits: { toolCalls: 3 } });
    expect(end).toMatchObject({ state: 'completed', why: 'tool_calls', cutShort: true });
    expect(box.calls()).toHaveLength(3);
    const results = wire.requests[1]?.body.messages.at(-1).content.slice(0, 5);
    expect(results.map((result: { is_error?: boolean }) => result.is_error ?? false)).toEqual([
      false,
      false,
      false,
      true,
      true,
    ]);
    expect(wire.requests[1]?.body.tool_choice).toEqual({ type: 'none' });
  });

  test('of calls: with the last of them made, the report is written', async () => {
    await using wire = await startClaudeWire([call(1, {}), call(2, {}), say(REPORT)]);
    const { end, box } = await converse(wire, { limits: { toolCalls: 2 } });
    expect(end).toMatchObject({ state: 'completed', why: 'tool_calls', cutShort: true, turns: 3 });
    expect(wire.requests.map(({ body }) => body.tool_choice.type)).toEqual(['auto', 'auto', 'none']);
    expect(box.calls()).toHaveLength(2);
  });

  test('of money from the beginning: the first turn has its tools all the same, for a report needs evidence', async () => {
    await using wire = await startClaudeWire([call(1, { input: 200, output: 10 }), say(REPORT)], { count: 1000 });
    const { end } = await converse(wire, { limits: { microUsd: 2_500 + 30_000 } });
    expect(end).toMatchObject({ state: 'completed', why: 'budget_usd', cutShort: true });
    expect(wire.requests.map(({ body }) => body.tool_choice.type)).toEqual(['auto', 'none']);
  });

  test('of money that pays for no whole report later: it is written now, with less room', async () => {
    await using wire = await startClaudeWire([call(1, { input: 1000, output: 1000 }), say(REPORT)], { count: 1000 });
    const { end } = await converse(wire, { limits: { microUsd: 50_000, outputTokens: 16_000 } });
    expect(end).toMatchObject({ state: 'completed', why: 'budget_usd', cutShort: true });
    const [first, second] = wire.requests.map(({ body }) => body.max_tokens);
    expect(first).toBe((50_000 - 1000 * 2.5) / 10);
    expect(second).toBeLessThan(4096);
    expect(second).toBeGreaterThanOrEqual(1024);
  });

  test('takes nothing from an agent without tools', async () => {
    await using wire = await startClaudeWire([say(REPORT)]);
    const { end } = await converse(wire, { tools: [], limits: { turns: 1 } });
    expect(end).toMatchObject({ state: 'completed', why: 'done', cutShort: false });
    expect(wire.requests[0]?.body).not.toHaveProperty('tool_choice');
  });

  test('where the service refuses tool_choice none: the words alone forbid tools', async () => {
    const script = ({ body }: WireRequest, n: number): WireStep =>
      body.tool_choice.type === 'none'
        ? { status: 400, message: 'tool_choice: none is not supported' }
        : n === 1
          ? call(1, {})
          : say(REPORT);
    await using wire = await startClaudeWire(script);
    const { end, told } = await converse(wire, { limits: { turns: 2 } });
    expect(end).toMatchObject({ state: 'completed', why: 'max_turns', cutShort: true, turns: 2 });
    expect(wire.requests.map(({ body }) => body.tool_choice.type)).toEqual(['auto', 'none', 'auto']);
    expect(told).toHaveLength(3);
  });

  test('where the service refuses the last turn for anything else, it is not asked again', async () => {
    await using wire = await startClaudeWire([call(1, {}), { status: 403 }, say(REPORT)]);
    const { end } = await converse(wire, { limits: { turns: 2 } });
    expect(end).toMatchObject({ state: 'failed', why: 'api_error' });
    expect(wire.requests).toHaveLength(2);
  });
});

describe('a limit that is reached', () => {
  test('before the first request: nothing is sent, whatever is left', async () => {
    for (const [limits, why] of [
      [{ microUsd: 0 }, 'budget_usd'],
      [{ microUsd: 2_500 + 10_239 }, 'budget_usd'],
      [{ tokens: 2_023 }, 'budget_tokens'],
      [{ turns: 0 }, 'max_turns'],
    ] as const) {
      await using wire = await startClaudeWire([say(REPORT)], { count: 1000 });
      const { end, told } = await converse(wire, { tools: [], limits });
      expect(end).toMatchObject({ state: 'failed', why, turns: 0, microUsd: 0 });
      expect(end.error).toMatchObject({ code: 'AGENT_LIMIT', permanent: true });
      expect(end.error?.message).not.toContain(why === 'max_turns' ? 'asked nothing' : 'used up');
      expect([wire.requests.length, told.length]).toEqual([0, 0]);
    }
  });

  test('exactly by the smallest answer: it is sent with 1,024 tokens', async () => {
    await using wire = await startClaudeWire([say(REPORT)], { count: 1000 });
    const { end, told } = await converse(wire, { tools: [], limits: { microUsd: 2_500 + 10_240 } });
    expect(end.state).toBe('completed');
    expect(wire.requests[0]?.body.max_tokens).toBe(1024);
    expect(told).toEqual([{ spentMicroUsd: 0, boundMicroUsd: 12_740 }]);
  });

  test.each([1, 2, 3])('after turn %i: what was spent is charged, and nothing more is sent', async (turns) => {
    const usage = { input: 1000, output: 1000 };
    await using wire = await startClaudeWire((_, n) => call(n, usage), { count: 1000 });
    // After so many turns there is no room for 1,024 tokens of answer.
    const spent = turns * sonnet(1000, 1000);
    const { end } = await converse(wire, { limits: { microUsd: spent + 5_000, outputTokens: 1_024 } });
    expect(end).toMatchObject({ state: 'failed', why: 'budget_usd', microUsd: spent });
    expect(wire.requests).toHaveLength(turns);
  });

  test('a purse that refuses a turn ends it with its own error, and the turn is not sent', async () => {
    const refusal = new RunError('the cap of the day is reached', { code: 'BUDGET_REACHED', permanent: true });
    for (const at of [1, 2]) {
      await using wire = await startClaudeWire([call(1, { input: 1000, output: 200 }), say(REPORT)]);
      let turn = 0;
      const beforeTurn = (): Promise<void> => (++turn === at ? Promise.reject(refusal) : Promise.resolve());
      const { end } = await converse(wire, { beforeTurn });
      const spent = (at - 1) * sonnet(1000, 200);
      expect(end).toMatchObject({ state: 'failed', why: 'budget_usd', microUsd: spent, unchargedMicroUsd: spent });
      expect(end.error).toBe(refusal);
      expect(wire.requests).toHaveLength(at - 1);
    }
  });

  test('a turn is not sent before its money is noted', async () => {
    await using wire = await startClaudeWire([say(REPORT)]);
    const noted = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    const running = converse(wire, { tools: [], beforeTurn: () => (begun.resolve(), noted.promise) });
    await begun.promise;
    // A round trip on the same socket server: a request that was sent would be there.
    await fetch(`${wire.url}/v1/models/x`);
    expect(wire.requests).toHaveLength(0);
    noted.resolve();
    expect((await running).end.state).toBe('completed');
  });
});

describe('money', () => {
  const Turn = fc.record({
    /** Shares of what was announced. */
    input: fc.double({ min: 0, max: 1, noNaN: true }),
    read: fc.double({ min: 0, max: 1, noNaN: true }),
    write: fc.double({ min: 0, max: 1, noNaN: true }),
    output: fc.oneof(fc.constant(1), fc.double({ min: 0, max: 1, noNaN: true })),
    kind: fc.constantFrom('call', 'call', 'call', 'bad', 'report', 'cut', 'pause'),
  });
  const Terms = fc.record({
    turns: fc.array(Turn, { minLength: 1, maxLength: 12 }),
    microUsd: fc.integer({ min: 0, max: 300_000 }),
    outputTokens: fc.integer({ min: 1, max: 20_000 }),
    count: fc.integer({ min: 1, max: 120_000 }),
    model: fc.constantFrom(MODEL, 'claude-haiku-5-5', 'claude-opus-5-5', 'claude-fable-5-1'),
    size: fc.integer({ min: 0, max: 30_000 }),
  });

  test('never passes the limit while usage is as announced, and each turn stays within what its purse was told', async () => {
    let n = 0;
    let terms: (typeof Terms extends fc.Arbitrary<infer T> ? T : never) | undefined;
    let bounds: number[] = [];
    const script = (request: WireRequest): WireStep => {
      const turn = terms?.turns[n++ % terms.turns.length];
      if (turn === undefined) throw new Error('no turn');
      const input = Math.floor((bounds.at(-1) ?? 0) * turn.input);
      const cacheRead = Math.floor(input * turn.read);
      const cacheWrite5m = Math.floor((input - cacheRead) * turn.write);
      const usage = {
        input: input - cacheRead - cacheWrite5m,
        cacheRead,
        cacheWrite5m,
        output: Math.floor(request.body.max_tokens * turn.output),
      };
      if (turn.kind === 'call') return call((n % 60) + 1, usage);
      if (turn.kind === 'bad') return say({ problems: ['no'] }, { usage });
      if (turn.kind === 'pause') return say('', { stop: 'pause_turn', usage });
      return say(REPORT, { usage, ...(turn.kind === 'cut' && { cutAfter: 4 }) });
    };
    await using wire = await startClaudeWire(script, { count: () => terms?.count ?? 0 });
    const { client } = await openClaude({ apiKey: 'sk-ant-test-0123456789', baseUrl: wire.url });
    await fc.assert(
      fc.asyncProperty(Terms, async (given) => {
        [terms, n, bounds] = [given, 0, []];
        const { end, told } = await converse(wire, {
          client,
          job: { model: given.model, effort: 'low', requires: [] },
          tools: [tool('sales', () => ({ data: 'x'.repeat(given.size) }))],
          limits: { microUsd: given.microUsd, outputTokens: given.outputTokens, tokens: 10_000_000, turns: 8 },
          note: (entry) => void (typeof entry['inputBound'] === 'number' && bounds.push(entry['inputBound'])),
        });
        expect(end.microUsd).toBeLessThanOrEqual(given.microUsd);
        expect(told.reduce((sum, { spentMicroUsd }) => sum + spentMicroUsd, 0) + end.unchargedMicroUsd).toBe(
          end.microUsd,
        );
        const [last] = told.slice(-1);
        expect(end.unchargedMicroUsd).toBeLessThanOrEqual(last?.boundMicroUsd ?? 0);
        for (const [index, { spentMicroUsd }] of told.slice(1).entries())
          expect(spentMicroUsd).toBeLessThanOrEqual(told[index]?.boundMicroUsd ?? 0);
      }),
      { numRuns: 150 },
    );
  }, 60_000);

  test('is held to what an attempt has left, tools and all', async () => {
    const box = toolbox([tool('sales')]);
    await using wire = await startClaudeWire(() => call(1, { input: 5_000, output: 400 }));
    const { end } = await converse(wire, { toolbox: box, limits: { microUsd: 40_000 } });
    expect(end.state).toBe('failed');
    expect(end.microUsd).toBeLessThanOrEqual(40_000);
  });
});
