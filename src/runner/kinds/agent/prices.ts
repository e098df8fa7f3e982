/** What models cost, and what a turn cost: whole micro-dollars. */
import { z } from 'zod';
import { ConfigError, messageOf } from '../../../errors.ts';
import type { Tokens } from '../../../store/agent-records.ts';

/** US dollars for a million tokens, which is micro-dollars for one. */
export interface Rates {
  input: number;
  output: number;
  cacheRead: number;
  cacheWrite5m: number;
  cacheWrite1h: number;
}
/** `long`: the rates of a request whose whole input, caches too, is over so many tokens. */
export type Price = Rates & { long?: Rates & { over: number } };
export interface PriceTable {
  /** The day on which it was looked up. */
  asOf: string;
  models: Readonly<Record<string, Price>>;
}

const OPUS_4: Price = { input: 5, output: 25, cacheRead: 0.5, cacheWrite5m: 6.25, cacheWrite1h: 10 };

/** List prices. Where no page tells the price of a cache it is the usual multiple of the input: 1.25 and 2 to write, 0.1 to read. */
export const HOUSE_PRICES: PriceTable = {
  asOf: '2026-11-20',
  models: {
    'claude-haiku-5-5': {
      input: 0.1,
      output: 0.5,
      cacheRead: 0.01,
      cacheWrite5m: 0.125,
      cacheWrite1h: 0.2,
      long: { over: 100_000, input: 0.5, output: 2.5, cacheRead: 0.05, cacheWrite5m: 0.625, cacheWrite1h: 1 },
    },
    'claude-sonnet-5-5': { input: 2, output: 10, cacheRead: 0.1, cacheWrite5m: 2.5, cacheWrite1h: 4 },
    'claude-opus-5-5': { input: 4, output: 20, cacheRead: 0.2, cacheWrite5m: 5, cacheWrite1h: 8 },
    'claude-fable-5-2': { input: 8, output: 40, cacheRead: 0.2, cacheWrite5m: 10, cacheWrite1h: 16 },
    'claude-fable-5-1': { input: 10, output: 50, cacheRead: 0.25, cacheWrite5m: 12.5, cacheWrite1h: 20 },
    'claude-opus-5': OPUS_4,
    'claude-opus-4-8': OPUS_4,
    'claude-opus-4-7': OPUS_4,
    'claude-opus-4-6': OPUS_4,
    'claude-opus-4-5': OPUS_4,
    'claude-haiku-4-5': { input: 1, output: 5, cacheRead: 0.1, cacheWrite5m: 1.25, cacheWrite1h: 2 },
  },
};

/**
 * The price of a model as a job names it; a snapshot (`claude-opus-4-8-20260801`) costs what its model costs. An answer may name a snapshot
 * too: it is charged by the name that was asked for.
 */
export function priceOf(table: PriceTable, model: string): Price | undefined {
  const own = (name: string): Price | undefined => (Object.hasOwn(table.models, name) ? table.models[name] : undefined);
  return own(model) ?? own(model.replace(/-\d{8}$/, ''));
}

// Rates are held in millionths of a micro-dollar, so that sums are exact: 0.1 times 3 is not 0.3 in binary, and rounding up would show it.
const SCALE = 1_000_000n;
const scaled = (rate: number): bigint => BigInt(Math.round(rate * Number(SCALE)));
const roundUp = (amount: bigint): number => Number((amount + SCALE - 1n) / SCALE);

/** Micro-dollars of one answer, rounded up. */
export function costMicroUsd(price: Price, tokens: Tokens): number {
  const whole = tokens.input + tokens.cacheRead + tokens.cacheWrite5m + tokens.cacheWrite1h;
  const rates = price.long !== undefined && whole > price.long.over ? price.long : price;
  return roundUp(
    scaled(rates.input) * BigInt(tokens.input) +
      scaled(rates.output) * BigInt(tokens.output) +
      scaled(rates.cacheRead) * BigInt(tokens.cacheRead) +
      scaled(rates.cacheWrite5m) * BigInt(tokens.cacheWrite5m) +
      scaled(rates.cacheWrite1h) * BigInt(tokens.cacheWrite1h),
  );
}

/** The highest rates that so much input can meet. The loop asks for the cache of five minutes and for no other. */
function worstRates(price: Price, input: number): { input: bigint; output: bigint } {
  const possible: Rates[] = price.long !== undefined && input > price.long.over ? [price, price.long] : [price];
  return {
    input: scaled(Math.max(...possible.map((rates) => Math.max(rates.input, rates.cacheRead, rates.cacheWrite5m)))),
    output: scaled(Math.max(...possible.map((rates) => rates.output))),
  };
}

/** The most that a request can cost that uses at most so many tokens. */
export function boundMicroUsd(price: Price, tokens: { input: number; output: number }): number {
  const worst = worstRates(price, tokens.input);
  return roundUp(worst.input * BigInt(tokens.input) + worst.output * BigInt(tokens.output));
}

/** How many tokens of an answer so much money pays for after so much input; below 0: not even the input. */
export function affordableOutput(price: Price, input: number, microUsd: number): number {
  const worst = worstRates(price, input);
  const left = BigInt(microUsd) * SCALE - worst.input * BigInt(input);
  if (left < 0n) return -1;
  return worst.output === 0n ? Number.MAX_SAFE_INTEGER : Number(left / worst.output);
}

const Rate = z.number().nonnegative().max(100_000);
const RatesText = z.strictObject({
  input: Rate,
  output: Rate,
  cacheRead: Rate,
  cacheWrite5m: Rate,
  cacheWrite1h: Rate,
});
const PriceText = RatesText.extend({
  long: RatesText.extend({ over: z.number().int().nonnegative() }).exactOptional(),
});
const PricesText = z.strictObject({
  asOf: z.iso.date(),
  models: z.record(z.string().regex(/^[a-z0-9][a-z0-9.-]{0,79}$/), PriceText),
});

/** The house's table with these prices over it. Throws a ConfigError that names every problem. */
export function readPrices(text: string): PriceTable {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw invalid(messageOf(error), error);
  }
  const read = PricesText.safeParse(json);
  if (!read.success) throw invalid(z.prettifyError(read.error), read.error);
  return { asOf: read.data.asOf, models: { ...HOUSE_PRICES.models, ...read.data.models } };
}

function invalid(problems: string, cause: unknown): ConfigError {
  return new ConfigError(`the prices cannot be read:\n${problems}`, {
    code: 'CONFIG_INVALID',
    hint: 'Write {"asOf":"2026-11-20","models":{"claude-opus-5-5":{"input":4,"output":20,"cacheRead":0.2,"cacheWrite5m":5,"cacheWrite1h":8}}}: US dollars for a million tokens.',
    cause,
  });
}
