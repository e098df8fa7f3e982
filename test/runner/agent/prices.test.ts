import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ConfigError } from '../../../src/errors.ts';
import {
  HOUSE_PRICES,
  affordableOutput,
  boundMicroUsd,
  costMicroUsd,
  priceOf,
  readPrices,
} from '../../../src/runner/kinds/agent/prices.ts';
import type { Price } from '../../../src/runner/kinds/agent/prices.ts';
import type { Tokens } from '../../../src/store/agent-records.ts';

const NONE: Tokens = { input: 0, output: 0, cacheRead: 0, cacheWrite5m: 0, cacheWrite1h: 0 };
const price = (model: string): Price => priceOf(HOUSE_PRICES, model) ?? expect.unreachable(`${model} has no price`);

describe('the table of prices', () => {
  /** Input, output, cache read, cache write for 5 minutes and for 1 hour: dollars for a million tokens. */
  test.each([
    ['claude-haiku-5-5', [0.1, 0.5, 0.01, 0.125, 0.2]],
    ['claude-sonnet-5-5', [2, 10, 0.1, 2.5, 4]],
    ['claude-opus-5-5', [4, 20, 0.2, 5, 8]],
    ['claude-fable-5-2', [8, 40, 0.2, 10, 16]],
    ['claude-fable-5-1', [10, 50, 0.25, 12.5, 20]],
    ['claude-opus-5', [5, 25, 0.5, 6.25, 10]],
    ['claude-opus-4-8', [5, 25, 0.5, 6.25, 10]],
    ['claude-opus-4-7', [5, 25, 0.5, 6.25, 10]],
    ['claude-opus-4-6', [5, 25, 0.5, 6.25, 10]],
    ['claude-opus-4-5', [5, 25, 0.5, 6.25, 10]],
    ['claude-haiku-4-5', [1, 5, 0.1, 1.25, 2]],
  ])('%s', (model, rates) => {
    const found = price(model);
    const { input, output, cacheRead, cacheWrite5m, cacheWrite1h } = found;
    expect([input, output, cacheRead, cacheWrite5m, cacheWrite1h]).toEqual(rates);
    expect(found.long === undefined).toBe(model !== 'claude-haiku-5-5');
  });

  test('is of 20 November 2026, and has these models and no others', () => {
    expect(HOUSE_PRICES.asOf).toBe('2026-11-20');
    expect(Object.keys(HOUSE_PRICES.models)).toHaveLength(11);
    for (const name of ['claude-sonnet-5', 'claude-mythos-5', 'constructor', '__proto__', ''])
      expect(priceOf(HOUSE_PRICES, name)).toBeUndefined();
  });

  test('a snapshot costs what its model costs', () => {
    expect(priceOf(HOUSE_PRICES, 'claude-opus-4-8-20260801')).toBe(price('claude-opus-4-8'));
    expect(priceOf(HOUSE_PRICES, 'claude-opus-4-9-20260801')).toBeUndefined();
  });

  test('the whole request of haiku 5.5 is dear above 100,000 tokens of input, caches too', () => {
    const haiku = price('claude-haiku-5-5');
    expect(haiku.long).toEqual({
      over: 100_000,
      input: 0.5,
      output: 2.5,
      cacheRead: 0.05,
      cacheWrite5m: 0.625,
      cacheWrite1h: 1,
    });
    const at = { input: 40_000, output: 1000, cacheRead: 30_000, cacheWrite5m: 20_000, cacheWrite1h: 10_000 };
    expect(costMicroUsd(haiku, at)).toBe(4000 + 500 + 300 + 2500 + 2000);
    expect(costMicroUsd(haiku, { ...at, input: 40_001 })).toBe(Math.ceil(20_000.5 + 2500 + 1500 + 12_500 + 10_000));
  });
});

describe('the cost of an answer', () => {
  test('is rounded up, and exact: 0.1 three times is no more than 0.3', () => {
    const haiku = price('claude-haiku-5-5');
    expect(costMicroUsd(haiku, { ...NONE, input: 30 })).toBe(3);
    expect(costMicroUsd(haiku, { ...NONE, input: 31 })).toBe(4);
    expect(costMicroUsd(haiku, { ...NONE, cacheRead: 700 })).toBe(7);
    expect(costMicroUsd(haiku, { ...NONE, cacheWrite5m: 8 })).toBe(1);
    expect(costMicroUsd(haiku, NONE)).toBe(0);
  });

  /** Six turns: 3,000 tokens of prompt and tools, 3,000 more of tool data and 500 of answer with each. */
  const turns = (cached: boolean): Tokens[] =>
    [...Array(6).keys()].map((turn) => {
      const input = 3000 + turn * 3300;
      const before = turn === 0 ? 0 : 3000 + (turn - 1) * 3300;
      return cached
        ? { ...NONE, cacheRead: before, cacheWrite5m: input - before, output: 500 }
        : { ...NONE, input, output: 500 };
    });
  test.each([
    ['claude-haiku-5-5', 0.0083, 0.0044],
    ['claude-sonnet-5-5', 0.165, 0.084],
    ['claude-opus-5-5', 0.33, 0.167],
  ])('a run of six turns with %s costs about $%d, and with the cache about half', (model, plain, cached) => {
    expect(turns(false).reduce((sum, { input }) => sum + input, 0)).toBe(67_500);
    const dollars = [false, true].map(
      (isCached) => turns(isCached).reduce((sum, tokens) => sum + costMicroUsd(price(model), tokens), 0) / 1e6,
    );
    expect((dollars[0] ?? 0) / plain).toBeCloseTo(1, 1);
    expect((dollars[1] ?? 0) / cached).toBeCloseTo(1, 1);
    expect((dollars[1] ?? 1) / (dollars[0] ?? 1)).toBeLessThan(0.55);
  });
});

const Rate = fc.double({ min: 0, max: 1000, noNaN: true });
const AnyRates = fc.record({ input: Rate, output: Rate, cacheRead: Rate, cacheWrite5m: Rate, cacheWrite1h: Rate });
const AnyPrice: fc.Arbitrary<Price> = fc.oneof(
  AnyRates,
  fc
    .record({ base: AnyRates, long: AnyRates, over: fc.nat(200_000) })
    .map(({ base, long, over }) => ({ ...base, long: { ...long, over } })),
  fc.constantFrom(...Object.values(HOUSE_PRICES.models)),
);
const Some = fc.nat(300_000);

describe('the bound of a request', () => {
  test('is never passed by an answer within its tokens', () => {
    const Parts = fc.record({ input: Some, cacheRead: Some, cacheWrite5m: Some, output: Some, spare: fc.nat(1000) });
    fc.assert(
      fc.property(AnyPrice, Parts, (some, { spare, ...parts }) => {
        const input = parts.input + parts.cacheRead + parts.cacheWrite5m + spare;
        const bound = boundMicroUsd(some, { input, output: parts.output + spare });
        expect(costMicroUsd(some, { ...parts, cacheWrite1h: 0 })).toBeLessThanOrEqual(bound);
      }),
    );
  });

  test('is affordable to the last token of the answer, and not to one more', () => {
    fc.assert(
      fc.property(AnyPrice, Some, fc.nat(2_000_000), (some, input, money) => {
        const output = affordableOutput(some, input, money);
        if (output < 0) expect(boundMicroUsd(some, { input, output: 0 })).toBeGreaterThan(money);
        else if (output < Number.MAX_SAFE_INTEGER) {
          expect(boundMicroUsd(some, { input, output })).toBeLessThanOrEqual(money);
          expect(boundMicroUsd(some, { input, output: output + 1 })).toBeGreaterThan(money);
        }
      }),
    );
  });
});

describe('prices of the operator', () => {
  const mine = { input: 1, output: 2, cacheRead: 0.5, cacheWrite5m: 1.5, cacheWrite1h: 3 };
  test('stand over those of the house, with their own date', () => {
    const long = { ...mine, over: 50_000 };
    const text = JSON.stringify({
      asOf: '2026-12-01',
      models: { 'claude-opus-5-5': mine, 'claude-next-6': { ...mine, long } },
    });
    const table = readPrices(text);
    expect(table.asOf).toBe('2026-12-01');
    expect(priceOf(table, 'claude-opus-5-5')).toEqual(mine);
    expect(priceOf(table, 'claude-next-6')).toEqual({ ...mine, long });
    expect(priceOf(table, 'claude-sonnet-5-5')).toEqual(price('claude-sonnet-5-5'));
    expect(price('claude-opus-5-5').input).toBe(4);
  });

  function refused(text: string): ConfigError {
    try {
      readPrices(text);
    } catch (error) {
      if (error instanceof ConfigError) return error;
      throw error;
    }
    return expect.unreachable('it was read');
  }
  test('that are wrong are refused with every problem named', () => {
    const { output: _, ...missing } = mine;
    const models = { a: { ...mine, input: -1 }, b: missing, c: { ...mine, inputs: 3 }, d: { ...mine, cacheRead: '1' } };
    const error = refused(JSON.stringify({ asOf: 'yesterday', models }));
    expect(error.code).toBe('CONFIG_INVALID');
    for (const place of ['asOf', 'models.a.input', 'models.b.output', 'inputs', 'models.d.cacheRead'])
      expect(error.message).toContain(place);
    expect(error.hint).toContain('"asOf"');
  });

  test('that are no JSON, or no object, are refused', () => {
    for (const text of ['', '{', '[]', 'null', '{"asOf":"2026-12-01"}', '{"asOf":"2026-12-01","models":{"":{}}}'])
      expect(refused(text).message).toContain('the prices cannot be read');
  });
});
