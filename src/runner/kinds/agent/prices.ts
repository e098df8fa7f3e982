/** What models cost, and what a turn cost: whole micro-dollars. */
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

/** Micro-dollars of one answer, rounded up. */
export function costMicroUsd(_price: Price, _tokens: Tokens): number {
  throw new Error('placeholder');
}
/** The most that a request can cost. */
export function boundMicroUsd(_price: Price, _tokens: { input: number; output: number }): number {
  throw new Error('placeholder');
}
