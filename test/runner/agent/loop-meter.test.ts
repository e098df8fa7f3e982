import { describe, expect, test } from 'vitest';
import { createMeter, readUsage } from '../../../src/runner/kinds/agent/conversation/meter.ts';
import type { Limits } from '../../../src/runner/kinds/agent/conversation/meter.ts';
import { HOUSE_PRICES, priceOf } from '../../../src/runner/kinds/agent/prices.ts';

const price = priceOf(HOUSE_PRICES, 'claude-sonnet-5-5');
const meter = (limits: Partial<Limits>): ReturnType<typeof createMeter> =>
  createMeter({
    price,
    limits: { turns: 8, toolCalls: 24, tokens: 1_000_000, outputTokens: 4_000, microUsd: 100_000, ...limits },
  });
const tokens = (input: number, output: number): Parameters<ReturnType<typeof meter>['add']>[0] => ({
  input,
  output,
  cacheRead: 0,
  cacheWrite5m: 0,
  cacheWrite1h: 0,
});

describe('the meter', () => {
  test('says that a limit is nearly reached at four fifths of it, and not one before', () => {
    const money = meter({});
    money.add(tokens(39_999, 0));
    expect(money.nearly()).toBeUndefined();
    money.add(tokens(1, 0));
    expect(money.nearly()).toBe('budget_usd');
    const all = meter({ tokens: 1_000 });
    all.add(tokens(700, 99));
    expect(all.nearly()).toBeUndefined();
    all.add({ ...tokens(0, 0), cacheRead: 1 });
    expect(all.nearly()).toBe('budget_tokens');
  });

  test('lowers the answer to what money and tokens allow, and refuses below 1,024', () => {
    expect(meter({ microUsd: 25_000 + 20_000 }).room(10_000)).toMatchObject({
      ok: true,
      maxTokens: 2_000,
      boundMicroUsd: 45_000,
    });
    expect(meter({ tokens: 11_500 }).room(10_000)).toMatchObject({ ok: true, maxTokens: 1_500 });
    expect(meter({ microUsd: 25_000 + 10_239 }).room(10_000)).toEqual({ ok: false, why: 'budget_usd' });
    expect(meter({ tokens: 11_023 }).room(10_000)).toEqual({ ok: false, why: 'budget_tokens' });
    // A job whose answers are shorter than that may have its own.
    expect(meter({ tokens: 10_500, outputTokens: 500 }).room(10_000)).toMatchObject({ ok: true, maxTokens: 500 });
  });

  test('says that room is tight when a turn like the last would leave too little for a report', () => {
    const one = meter({ microUsd: 100_000 });
    one.add(tokens(1_000, 1_000));
    expect(one.room(2_000)).toMatchObject({ ok: true, tight: undefined });
    const two = meter({ microUsd: 62_000 });
    two.add(tokens(1_000, 1_000));
    const three = meter({ tokens: 10_000 });
    three.add(tokens(1_000, 1_000));
    // 8,000 are left: after this turn of 2,000 there are 4,000 for the report, but not after one more than that.
    expect(three.room(2_000)).toMatchObject({ ok: true, tight: undefined });
    expect(three.room(2_001)).toMatchObject({ ok: true, tight: 'budget_tokens' });
    // 50,000 are left: this turn has its 4,000 tokens of answer, but not the one after it.
    expect(two.room(2_000)).toMatchObject({ ok: true, maxTokens: 4_000, tight: 'budget_usd' });
  });

  test('reads what usage a gateway leaves out, and says where it says nothing that can be', () => {
    expect(readUsage({ input_tokens: 5, output_tokens: 7 })).toEqual(tokens(5, 7));
    expect(readUsage({ input_tokens: 5.2, output_tokens: 1e15, cache_read_input_tokens: 'many' })).toEqual(
      tokens(6, 1e9),
    );
    const bare = { output_tokens: 7 };
    for (const odd of [undefined, null, {}, bare, { ...bare, input_tokens: 0 }, { ...bare, input_tokens: '5' }])
      expect(readUsage(odd)).toBeUndefined();
    for (const odd of [-7, Number.NaN, '7', null]) {
      expect(readUsage({ input_tokens: odd, output_tokens: 7 })).toBeUndefined();
      expect(readUsage({ input_tokens: 5, output_tokens: odd })).toBeUndefined();
    }
    const cache = { cache_creation_input_tokens: 10, cache_creation: { ephemeral_1h_input_tokens: 12 } };
    expect(readUsage({ input_tokens: 1, output_tokens: 1, ...cache })).toMatchObject({
      cacheWrite5m: 0,
      cacheWrite1h: 10,
    });
  });
});
