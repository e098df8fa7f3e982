import { describe, expect, test } from 'vitest';
import { RunError } from '../../../src/errors.ts';
import { openClaude } from '../../../src/runner/kinds/agent/conversation/client.ts';
import type { Claude } from '../../../src/runner/kinds/agent/conversation/client.ts';
import { converse, sonnet, tool } from '../../support/claude-loop.ts';
import { callTools, say, startClaudeWire } from '../../support/claude-wire.ts';
import type { WireAnswer } from '../../support/claude-wire.ts';

const REPORT = { headline: 'All is well' };
const USAGE = { input: 1000, output: 200, cacheRead: 500, cacheWrite5m: 40 };
const INPUT = sonnet(1000, 0) + 500 * 0.1 + 40 * 2.5;
/** The start of an answer tells its input and one token of output. */
const BEGUN = INPUT + 10;
const WHOLE = INPUT + 2000;
/** What an answer costs that breaks off after so many events: of its 26 letters half are a token each, and its end tells what it was. */
const partOf = (events: number): number =>
  events === 0 ? 0 : events === EVENTS - 1 ? WHOLE : events < 4 ? BEGUN : INPUT + (events === 4 ? 70 : 130);
const answer = (more: Partial<WireAnswer> = {}): WireAnswer => say(REPORT, { usage: USAGE, ...more });
/** message_start, ping, block start, two deltas, block stop, message_delta, message_stop. */
const EVENTS = 8;

describe('an answer that does not tell what it used', () => {
  test.each([
    ['nothing at all', { start: {}, end: {} }],
    ['texts', { start: { input_tokens: '1000', output_tokens: '1' }, end: { output_tokens: '200' } }],
    ['less than nothing', { start: { input_tokens: -1000, output_tokens: 1 }, end: { output_tokens: 200 } }],
    ['no input', { start: { input_tokens: 0, output_tokens: 1 }, end: { output_tokens: 200 } }],
  ])('but %s is counted at what was set aside for it', async (_, told) => {
    await using wire = await startClaudeWire([answer({ told })], { count: 2000 });
    const { end, told: noted, notes } = await converse(wire, { tools: [] });
    const [first] = noted;
    expect(first?.boundMicroUsd).toBe(2000 * 2.5 + 16_000 * 10);
    expect(end).toMatchObject({ state: 'completed', value: REPORT, microUsd: first?.boundMicroUsd });
    expect(end.unchargedMicroUsd).toBe(first?.boundMicroUsd);
    expect(end.tokens).toMatchObject({ input: 2000, output: 16_000 });
    expect(notes).toContainEqual(expect.objectContaining({ text: expect.stringContaining('tells no usage') }));
  });

  test.each([undefined, null])('and breaks off over it is counted so too, each time: %s', async (nothing) => {
    const told = { start: nothing, end: { output_tokens: 200 } };
    await using wire = await startClaudeWire(() => answer({ told }), { count: 2000 });
    const { end, told: noted } = await converse(wire, { tools: [], limits: { microUsd: 1_000_000, tokens: 400_000 } });
    const bounds = noted.reduce((sum, { boundMicroUsd }) => sum + boundMicroUsd, 0);
    expect(wire.requests).toHaveLength(2);
    expect(end).toMatchObject({ state: 'failed', error: { code: 'MODEL_UNAVAILABLE' }, microUsd: bounds });
  });
});

describe('an answer that breaks off', () => {
  test.each([...Array(EVENTS).keys()])(
    'after event %i is asked for once more, and both are charged',
    async (cutAfter) => {
      for (const how of ['cutAfter', 'endAfter'] as const) {
        await using wire = await startClaudeWire([answer({ [how]: cutAfter }), answer()], { count: 2000 });
        const { end, told } = await converse(wire, { tools: [] });
        const first = partOf(cutAfter);
        expect(end).toMatchObject({ state: 'completed', value: REPORT, turns: 1, microUsd: first + WHOLE });
        expect(end.tokens.input).toBe(cutAfter === 0 ? 1000 : 2000);
        expect(told.map(({ spentMicroUsd }) => spentMicroUsd)).toEqual([0, first]);
        expect(end.requestIds).toEqual(['req_1', 'req_2']);
        expect(wire.requests).toHaveLength(2);
        expect(wire.requests[1]?.text).toBe(wire.requests[0]?.text);
      }
    },
  );

  test('behind its last event is whole', async () => {
    await using wire = await startClaudeWire([answer({ cutAfter: EVENTS })]);
    const { end } = await converse(wire, { tools: [] });
    expect(end).toMatchObject({ state: 'completed', microUsd: WHOLE });
    expect(wire.requests).toHaveLength(1);
  });

  test.each([0, 1, 2, 3, 4, 5, 6, 7])(
    'twice after event %i fails, may be tried again later, and is charged twice',
    async (at) => {
      await using wire = await startClaudeWire(() => answer({ cutAfter: at }));
      const { end } = await converse(wire, { tools: [] });
      const part = partOf(at);
      expect(end).toMatchObject({ state: 'failed', why: 'api_error', microUsd: 2 * part, unchargedMicroUsd: part });
      expect(end.error).toMatchObject({ code: 'MODEL_UNAVAILABLE', permanent: false });
      expect(wire.requests).toHaveLength(2);
    },
  );

  test('by an error event is asked for once more', async () => {
    const broken = answer({ midError: { after: 4, type: 'overloaded_error' } });
    await using wire = await startClaudeWire([broken, answer()]);
    const { end } = await converse(wire, { tools: [] });
    expect(end).toMatchObject({ state: 'completed', microUsd: partOf(4) + WHOLE });
    await using twice = await startClaudeWire([broken, broken, answer()]);
    const second = await converse(twice, { tools: [] });
    expect(second.end).toMatchObject({ state: 'failed', why: 'api_error', microUsd: 2 * partOf(4) });
    expect(second.end.error?.message).toContain('overloaded_error');
    expect(twice.requests).toHaveLength(2);
  });

  test('by a spent limit is not asked for again', async () => {
    const midError = { after: 3, type: 'rate_limit_error', errorCode: 'enforced_spend_limit_reached' };
    await using wire = await startClaudeWire([answer({ midError }), answer()]);
    const { end } = await converse(wire, { tools: [] });
    expect(end).toMatchObject({ state: 'failed', why: 'spend_limit', microUsd: partOf(3) });
    expect(end.error).toMatchObject({ code: 'MODEL_SPEND_LIMIT', permanent: true });
    expect(wire.requests).toHaveLength(1);
  });

  test('is not asked for again when the money does not reach for it', async () => {
    const dear = { input: 4000, output: 100 };
    await using wire = await startClaudeWire([answer({ usage: dear, cutAfter: 4 }), answer()], { count: 4000 });
    const { end } = await converse(wire, { tools: [], limits: { microUsd: 27_000 } });
    expect(end).toMatchObject({ state: 'failed', why: 'budget_usd', microUsd: sonnet(4000, 7) });
    expect(wire.requests).toHaveLength(1);
  });

  test('is charged for no more than it could have been', async () => {
    const long = say('x'.repeat(9_000), { usage: USAGE, cutAfter: 5 });
    await using wire = await startClaudeWire([long, answer()]);
    const { end } = await converse(wire, { tools: [], limits: { outputTokens: 2_000 } });
    expect(end).toMatchObject({ state: 'completed', microUsd: INPUT + 20_000 + WHOLE });
  });

  test('is charged by what it told where that is more than what came', async () => {
    await using wire = await startClaudeWire([answer({ startOutput: 90, cutAfter: 5 }), answer()]);
    const { end } = await converse(wire, { tools: [] });
    expect(end).toMatchObject({ state: 'completed', microUsd: INPUT + 900 + WHOLE });
  });

  test('in thoughts, shown or not, or in a call is charged for them', async () => {
    const thinking = { type: 'thinking' as const, thinking: 'hm'.repeat(50), signature: 's'.repeat(60) };
    const call = { type: 'tool_use' as const, id: 'toolu_a', name: 'sales', input: { note: 'x'.repeat(89) } };
    // message_start, ping; start, two of thinking, signature, stop; start, an empty one, two of input.
    for (const [cutAfter, bytes] of [
      [6, 160],
      [11, 260],
    ] as const) {
      await using wire = await startClaudeWire([{ content: [thinking, call], usage: USAGE, cutAfter }, answer()]);
      const { end } = await converse(wire, { tools: [] });
      expect(end).toMatchObject({ state: 'completed', microUsd: INPUT + (bytes / 2) * 10 + WHOLE });
    }
  });

  test('in a later turn keeps what was said before', async () => {
    await using wire = await startClaudeWire([
      callTools([{ name: 'sales' }], { usage: USAGE }),
      answer({ cutAfter: 5 }),
      answer(),
    ]);
    const { end, box } = await converse(wire);
    expect(end).toMatchObject({ state: 'completed', turns: 2, microUsd: WHOLE + partOf(5) + WHOLE });
    expect([wire.requests.length, box.calls().length]).toEqual([3, 1]);
    expect(wire.requests[2]?.body.messages).toEqual(wire.requests[1]?.body.messages);
  });
});

describe('a refusal of the service', () => {
  test.each([
    [400, undefined, 'MODEL_REJECTED', 'api_error'],
    [401, undefined, 'MODEL_REJECTED', 'api_error'],
    [402, undefined, 'MODEL_SPEND_LIMIT', 'spend_limit'],
    [403, undefined, 'MODEL_REJECTED', 'api_error'],
    [404, undefined, 'MODEL_REJECTED', 'api_error'],
    [413, undefined, 'MODEL_REJECTED', 'api_error'],
    [429, 'enforced_spend_limit_reached', 'MODEL_SPEND_LIMIT', 'spend_limit'],
    [429, 'contract_spend_limit_reached', 'MODEL_SPEND_LIMIT', 'spend_limit'],
  ])('%i %s ends the run for good: one request, no dollar', async (status, errorCode, code, why) => {
    const step = { status, ...(errorCode !== undefined && { errorCode }) };
    await using wire = await startClaudeWire(() => step);
    const { end } = await converse(wire, { tools: [] });
    expect(end).toMatchObject({ state: 'failed', why, microUsd: 0, requestIds: ['req_1'] });
    expect(end.error).toMatchObject({ code, permanent: true });
    expect(wire.requests).toHaveLength(1);
  });

  test('after a paid turn keeps what that cost', async () => {
    await using wire = await startClaudeWire([callTools([{ name: 'sales' }], { usage: USAGE }), { status: 401 }]);
    const { end } = await converse(wire);
    expect(end).toMatchObject({ state: 'failed', why: 'api_error', microUsd: WHOLE, unchargedMicroUsd: 0, turns: 2 });
    expect(wire.requests).toHaveLength(2);
  });

  test.each([429, 500, 529])('%i is tried three times, then later', async (status) => {
    const headers = { 'retry-after-ms': '2' };
    await using wire = await startClaudeWire(() => ({ status, headers }));
    const { end } = await converse(wire, { tools: [] });
    expect(end).toMatchObject({ state: 'failed', why: 'api_error', microUsd: 0 });
    expect(end.error).toMatchObject({ code: 'MODEL_UNAVAILABLE', permanent: false, retryAfterMs: 2 });
    expect(wire.requests).toHaveLength(3);
  });

  test('429 and 529, then an answer: the run knows nothing of it', async () => {
    const headers = { 'retry-after-ms': '1' };
    await using wire = await startClaudeWire([{ status: 429, headers }, { status: 529, headers }, answer()]);
    const { end, told } = await converse(wire, { tools: [] });
    expect(end).toMatchObject({ state: 'completed', microUsd: WHOLE, turns: 1 });
    expect([wire.requests.length, told.length]).toEqual([3, 1]);
  });

  test('that asks for an hour of patience hands it to the next attempt', async () => {
    await using wire = await startClaudeWire(() => ({ status: 429, headers: { 'retry-after': '7200' } }));
    const { end } = await converse(wire, { tools: [] });
    expect(end.error).toMatchObject({ code: 'MODEL_UNAVAILABLE', permanent: false, retryAfterMs: 3_600_000 });
    expect(wire.requests).toHaveLength(1);
  });
});

describe('the signal', () => {
  const timeout = new RunError('weekly ran longer than its timeout', { code: 'TIMED_OUT' });
  const cancel = new RunError('it was cancelled', { code: 'CANCELLED' });
  const reasons = [
    ['a cancel', cancel, { state: 'cancelled', why: 'cancelled' }],
    ['a deadline', timeout, { state: 'failed', why: 'deadline', error: timeout }],
    ['a lost lease', new RunError('it was lost', { code: 'LEASE_EXPIRED' }), { state: 'cancelled', why: 'cancelled' }],
  ] as const;

  describe.each(reasons)('of %s', (_, reason, expected) => {
    test('before the beginning: nothing is sent', async () => {
      await using wire = await startClaudeWire([answer()]);
      const { end, told } = await converse(wire, { tools: [], signal: AbortSignal.abort(reason) });
      expect(end).toMatchObject({ ...expected, microUsd: 0, turns: 0 });
      expect([wire.requests.length, wire.counts.length, told.length]).toEqual([0, 0, 0]);
    });

    test('while tokens are counted', async () => {
      const stop = new AbortController();
      const count = (): { silent: true } => (stop.abort(reason), { silent: true });
      await using wire = await startClaudeWire([answer()], { count });
      const { end } = await converse(wire, { tools: [], signal: stop.signal });
      expect(end).toMatchObject({ ...expected, microUsd: 0 });
      expect(wire.requests).toHaveLength(0);
    });

    test('while money is set aside: nothing is sent', async () => {
      const stop = new AbortController();
      await using wire = await startClaudeWire([answer()]);
      const beforeTurn = (): Promise<void> => (stop.abort(reason), new Promise(() => undefined));
      const { end } = await converse(wire, { tools: [], signal: stop.signal, beforeTurn });
      expect(end).toMatchObject({ ...expected, microUsd: 0 });
      expect(wire.requests).toHaveLength(0);
    });

    test('as the purse has just set the money aside: nothing is sent', async () => {
      const stop = new AbortController();
      await using wire = await startClaudeWire([answer()]);
      const beforeTurn = (): Promise<void> => (stop.abort(reason), Promise.resolve());
      const { end } = await converse(wire, { tools: [], signal: stop.signal, beforeTurn });
      expect(end).toMatchObject({ ...expected, microUsd: 0 });
      expect(wire.requests).toHaveLength(0);
    });

    test('before the headers: the connection is given up, and nothing is known to be charged', async () => {
      const stop = new AbortController();
      await using wire = await startClaudeWire([{ silent: true }]);
      const running = converse(wire, { tools: [], signal: stop.signal });
      const request = await wire.arrived(1);
      stop.abort(reason);
      expect((await running).end).toMatchObject({ ...expected, microUsd: 0, turns: 1 });
      await request.gone;
    });

    test.each([0, 1, 3, 6, 7])('after event %i of the answer: what had come is charged', async (hangAfter) => {
      const stop = new AbortController();
      await using wire = await startClaudeWire([answer({ hangAfter }), answer()]);
      const seen = Promise.withResolvers<void>();
      const { client } = await watched(wire.url, hangAfter, seen.resolve);
      const running = converse(wire, { tools: [], signal: stop.signal, client });
      const request = await wire.arrived(1);
      await Promise.all([seen.promise, wire.sent(1)]);
      stop.abort(reason);
      const { end } = await running;
      const came = partOf(hangAfter);
      expect(end).toMatchObject({ ...expected, microUsd: came, unchargedMicroUsd: came });
      await request.gone;
      expect(wire.requests).toHaveLength(1);
    });

    test('in a tool that ignores it: at once, the turn before it charged', async () => {
      const stop = new AbortController();
      const deaf = tool('sales', () => (stop.abort(reason), new Promise(() => undefined)));
      await using wire = await startClaudeWire([callTools([{ name: 'sales' }], { usage: USAGE }), answer()]);
      const { end } = await converse(wire, { tools: [deaf], signal: stop.signal });
      expect(end).toMatchObject({ ...expected, microUsd: WHOLE, unchargedMicroUsd: WHOLE, turns: 1 });
      expect(wire.requests).toHaveLength(1);
    });

    test('while the service asked to wait: at once, and nothing more is sent', async () => {
      const stop = new AbortController();
      await using wire = await startClaudeWire([{ status: 429, headers: { 'retry-after': '30' } }, answer()]);
      const running = converse(wire, { tools: [], signal: stop.signal });
      await (
        await wire.arrived(1)
      ).gone;
      stop.abort(reason);
      expect((await running).end).toMatchObject({ ...expected, microUsd: 0 });
      expect(wire.requests).toHaveLength(1);
    });

    test('in the second turn: nothing of the first is charged twice', async () => {
      const stop = new AbortController();
      await using wire = await startClaudeWire([callTools([{ name: 'sales' }], { usage: USAGE }), { silent: true }]);
      const running = converse(wire, { signal: stop.signal });
      await wire.arrived(2);
      stop.abort(reason);
      const { end, told } = await running;
      expect(end).toMatchObject({ ...expected, microUsd: WHOLE, unchargedMicroUsd: 0 });
      expect(told.map(({ spentMicroUsd }) => spentMicroUsd)).toEqual([0, WHOLE]);
    });
  });
});

/** A client whose streams tell when so many events of an answer have been read. */
async function watched(url: string, events: number, seen: () => void): Promise<Pick<Claude, 'client'>> {
  const { client } = await openClaude({ apiKey: 'sk-ant-test-0123456789', baseUrl: url });
  const stream = client.messages.stream.bind(client.messages);
  // The ping is the second event, and is not told.
  let left = events > 1 ? events - 1 : events;
  client.messages.stream = ((...given: Parameters<typeof stream>) => {
    const made = stream(...given);
    made.on('connect', () => left === 0 && seen());
    made.on('streamEvent', () => --left === 0 && seen());
    return made;
  }) as typeof stream;
  return { client };
}
