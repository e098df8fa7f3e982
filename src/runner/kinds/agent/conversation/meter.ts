/** What a conversation has used, and what its next request may use: no request is sent that could pass a limit. */
import { z } from 'zod';
import type { AgentWhy, Tokens } from '../../../../store/agent-records.ts';
import { affordableOutput, boundMicroUsd, costMicroUsd } from '../prices.ts';
import type { Price } from '../prices.ts';

export interface Limits {
  turns: number;
  toolCalls: number;
  tokens: number;
  outputTokens: number;
  /** Null: no price is known, and only tokens are held. */
  microUsd: number | null;
}
/** Of a request: how long its answer may be, and what both cost at most. */
export type Room =
  { ok: true; maxTokens: number; boundMicroUsd: number; tight: Limit | undefined } | { ok: false; why: Limit };
type Limit = Extract<AgentWhy, 'budget_usd' | 'budget_tokens'>;

export interface Meter {
  /** Counts an answer, or the part of it that came; its micro-dollars. `atMost`: they are this, for nobody told the tokens. */
  add(tokens: Tokens, atMost?: number): number;
  /** Room for a request of at most so many input tokens. */
  room(input: number): Room;
  /** The limit of which four fifths are used. */
  nearly(): Limit | undefined;
  /** What `told` has not been said of. */
  untold(): number;
  told(microUsd: number): void;
  tokens(): Tokens;
  microUsd(): number | null;
}

/** From here on the agent writes its report, instead of asking for more. */
const NEARLY = 0.8;
/** Less is no answer. */
const LEAST_OUTPUT = 1024;
/** A turn after which there is less room than a report needs is the one to write it in. */
const REPORT_OUTPUT = 4096;

export function createMeter({ limits, price }: { limits: Limits; price: Price | undefined }): Meter {
  const used: Tokens = { input: 0, output: 0, cacheRead: 0, cacheWrite5m: 0, cacheWrite1h: 0 };
  let spent = 0;
  let told = 0;
  let last = { cost: 0, whole: 0 };
  const whole = (): number => wholeInput(used) + used.output;

  /** The longest answer that both caps allow after what is used and so much more, and the cap that allows less. */
  function longest(input: number, more = { cost: 0, whole: 0 }): { output: number; by: Limit } {
    const byTokens = limits.tokens - whole() - more.whole - input;
    if (price === undefined || limits.microUsd === null) return { output: byTokens, by: 'budget_tokens' };
    const byMoney = affordableOutput(price, input, limits.microUsd - spent - more.cost);
    return byMoney < byTokens ? { output: byMoney, by: 'budget_usd' } : { output: byTokens, by: 'budget_tokens' };
  }

  return {
    add(tokens, atMost) {
      for (const kind of ['input', 'output', 'cacheRead', 'cacheWrite5m', 'cacheWrite1h'] as const)
        used[kind] += tokens[kind];
      const cost = price === undefined ? 0 : (atMost ?? costMicroUsd(price, tokens));
      spent += cost;
      last = { cost, whole: wholeInput(tokens) + tokens.output };
      return cost;
    },
    room(input) {
      const { output, by } = longest(input);
      if (output < Math.min(LEAST_OUTPUT, limits.outputTokens)) return { ok: false, why: by };
      const maxTokens = Math.min(limits.outputTokens, output);
      // Would a turn like the last one leave enough for the report?
      const later = longest(input, last);
      return {
        ok: true,
        maxTokens,
        boundMicroUsd: price === undefined ? 0 : boundMicroUsd(price, { input, output: maxTokens }),
        tight: later.output < Math.min(REPORT_OUTPUT, limits.outputTokens) ? later.by : undefined,
      };
    },
    nearly() {
      if (price !== undefined && limits.microUsd !== null && spent >= limits.microUsd * NEARLY) return 'budget_usd';
      return whole() >= limits.tokens * NEARLY ? 'budget_tokens' : undefined;
    },
    untold: () => spent - told,
    told: (microUsd) => void (told += microUsd),
    tokens: () => ({ ...used }),
    microUsd: () => (price === undefined ? null : spent),
  };
}

/** All input tokens of an answer, whatever they cost. */
export function wholeInput(tokens: Tokens): number {
  return tokens.input + tokens.cacheRead + tokens.cacheWrite5m + tokens.cacheWrite1h;
}

const Told = z.number().nonnegative();
const Usage = z.object({
  input_tokens: Told,
  output_tokens: Told,
  cache_read_input_tokens: Told.nullish().catch(0),
  cache_creation_input_tokens: Told.nullish().catch(0),
  cache_creation: z
    .object({ ephemeral_1h_input_tokens: Told.nullish().catch(0) })
    .nullish()
    .catch(undefined),
});

/**
 * The usage that an answer tells, as counts. A gateway may leave out what the types promise, or say what cannot be; undefined: nobody
 * knows what was used. Nothing was not, for something was asked.
 */
export function readUsage(usage: unknown): Tokens | undefined {
  const read = Usage.safeParse(usage);
  if (!read.success) return undefined;
  const told = read.data;
  const written = count(told.cache_creation_input_tokens);
  const cacheWrite1h = Math.min(written, count(told.cache_creation?.ephemeral_1h_input_tokens));
  const tokens = {
    input: count(told.input_tokens),
    output: count(told.output_tokens),
    cacheRead: count(told.cache_read_input_tokens),
    cacheWrite5m: written - cacheWrite1h,
    cacheWrite1h,
  };
  return wholeInput(tokens) === 0 ? undefined : tokens;
}

/** Sums of them stay exact. */
function count(value: number | null | undefined): number {
  return Math.min(Math.ceil(value ?? 0), 1e9);
}
