/** What is kept of a run of an agent: its facts, its account of turns, tools and money, and where its transcript is. */
import { z } from 'zod';

const Count = z.number().int().nonnegative();
const Sha256 = z.string().regex(/^[0-9a-f]{64}$/);
/** Bounded, so that sums stay exact. */
export const MicroUsd = Count.max(1e12);

export const FACT_UNITS = [
  'money',
  'count',
  'percent',
  'percentage_point',
  'days',
  'hours',
  'ratio',
  'text',
  'date',
] as const;

/** The days that a fact speaks of, both inclusive. */
export const FactWindow = z.object({ from: z.iso.date(), to: z.iso.date(), label: z.string().min(1).max(80) });
export type FactWindow = z.infer<typeof FactWindow>;

/** How many days it has, both ends included. */
export function daysOf({ from, to }: Pick<FactWindow, 'from' | 'to'>): number {
  return Math.max(1, Math.round((Date.parse(to) - Date.parse(from)) / 86_400_000) + 1);
}

const FactId = z.string().regex(/^F[1-9][0-9]{0,3}$/);
/** A number (or a name, a day) that code found, and where: what a report says is filled in from these. */
export const Fact = z.object({
  id: FactId,
  /** Its name from run to run: `sales.revenue`, `product.4711.days_of_cover`. */
  key: z
    .string()
    .regex(/^[a-z][a-z0-9_]*(?:\.[A-Za-z0-9_-]+)*$/)
    .max(160),
  label: z.string().min(1).max(160),
  value: z.union([z.number(), z.string().max(200), z.null()]),
  unit: z.enum(FACT_UNITS),
  /** ISO 4217, for `money`. */
  currency: z
    .string()
    .regex(/^[A-Z]{3}$/)
    .exactOptional(),
  digits: z.number().int().min(0).max(4).exactOptional(),
  /** Which direction is good; default neutral. */
  good: z.enum(['up', 'down', 'neutral']).exactOptional(),
  source: z.object({
    tool: z.string().min(1).max(64),
    /** What was asked: the tool's input as canonical JSON, cut. */
    query: z.string().max(500),
    window: FactWindow.exactOptional(),
  }),
});
export type Fact = z.infer<typeof Fact>;
export const MAX_FACTS = 1000;

/**
 * Why an agent stopped. `figures` and `quiet`: the model was not asked, because there is no key, or because nothing has changed. `error`:
 * neither model nor tools nor limits, but what the run's error says: the job's own code, its store.
 */
export const AGENT_WHYS = [
  'done',
  'figures',
  'quiet',
  'max_turns',
  'budget_usd',
  'budget_tokens',
  'tool_calls',
  'deadline',
  'cancelled',
  'refusal',
  'truncated',
  'context',
  'bad_output',
  'all_tools_failed',
  'no_evidence',
  'spend_limit',
  'price_unknown',
  'api_error',
  'error',
] as const;
export const AgentWhy = z.enum(AGENT_WHYS);
export type AgentWhy = z.infer<typeof AgentWhy>;

/** Tokens by what they cost; `input` is what no cache was read or written for. */
export const Tokens = z.object({
  input: Count,
  output: Count,
  cacheRead: Count,
  cacheWrite5m: Count,
  cacheWrite1h: Count,
});
export type Tokens = z.infer<typeof Tokens>;

export const ToolCall = z.object({
  name: z.string().min(1).max(64),
  /** `code`: it was called before the model was asked. */
  by: z.enum(['code', 'model']),
  state: z.enum(['ok', 'failed']),
  ms: z.number().nonnegative(),
  error: z.string().max(500).exactOptional(),
});
export type ToolCall = z.infer<typeof ToolCall>;

/** What an attempt of an agent did and cost; the account of the newest attempt stands in the run. */
export const AgentAccount = z.object({
  /** `figures`: the report was made by code alone. */
  mode: z.enum(['model', 'figures']),
  why: AgentWhy,
  /** It was stopped by a limit and wrote its report from what it had. */
  cutShort: z.boolean().default(false),
  model: z.string().max(80).exactOptional(),
  sdk: z.string().max(40).exactOptional(),
  promptSha256: Sha256,
  toolsSha256: Sha256,
  /** The date of the price table. */
  pricesAsOf: z.iso.date(),
  turns: Count,
  tokens: Tokens,
  /** Of this attempt, in millionths of a US dollar; null: the model has no known price. */
  microUsd: MicroUsd.nullable(),
  /** With earlier attempts of the run, and what a crash left uncounted at its upper bound. */
  runMicroUsd: MicroUsd.nullable(),
  /** What a run may cost with all its attempts. */
  capMicroUsd: MicroUsd.exactOptional(),
  tools: z.array(ToolCall).max(200),
  ms: z.number().nonnegative(),
  requestIds: z.array(z.string().max(100)).max(60),
  /** What the linter found and what became of it. */
  lint: z.array(z.string().max(300)).max(50),
  facts: z.array(Fact).max(MAX_FACTS),
  transcript: z.object({ sha256: Sha256, bytes: Count, until: z.iso.datetime() }).exactOptional(),
});
export type AgentAccount = z.infer<typeof AgentAccount>;
