/** The account of an attempt: what it did and cost, whole in every ending, and within what is kept. */
import { RunError } from '../../../errors.ts';
import { MAX_FACTS } from '../../../store/agent-records.ts';
import type { AgentAccount, AgentWhy, Fact, Tokens, ToolCall } from '../../../store/agent-records.ts';
import type { Scrub } from '../../../scrub.ts';
import type { LoadedAgent } from '../../jobs.ts';
import type { Purse } from '../../budget.ts';
import type { LoopEnd } from './conversation/loop.ts';

/** What is known of an attempt so far. */
export interface Tally {
  mode: AgentAccount['mode'];
  why: AgentWhy | undefined;
  /** Undefined: no key, or the caps did not allow it. */
  purse: Purse | undefined;
  /** What earlier attempts of the run spent, also where there is no purse. */
  beforeMicroUsd: number;
  sdk: string | undefined;
  /** The conversation, once it is over. */
  loop: Omit<LoopEnd<unknown>, 'value'> | undefined;
  /** It was begun, whatever became of it. */
  asked: boolean;
  lint: string[];
}

export function newTally(): Tally {
  return {
    mode: 'figures',
    why: undefined,
    purse: undefined,
    beforeMicroUsd: 0,
    sdk: undefined,
    loop: undefined,
    asked: false,
    lint: [],
  };
}

const NO_TOKENS: Tokens = { input: 0, output: 0, cacheRead: 0, cacheWrite5m: 0, cacheWrite1h: 0 };

export interface AccountParts {
  job: LoadedAgent;
  tally: Tally;
  pricesAsOf: string;
  ms: number;
  calls: readonly ToolCall[];
  facts: readonly Fact[];
  scrub: Scrub;
}

export function accountOf({ job, tally, pricesAsOf, ms, calls, facts, scrub }: AccountParts): AgentAccount {
  const { loop, sdk } = tally;
  const clip = (text: string, limit: number): string => scrub(text).slice(0, limit).toWellFormed();
  const microUsd = spentBy(tally);
  return {
    mode: tally.mode,
    why: tally.why ?? 'error',
    cutShort: loop?.cutShort ?? false,
    ...(tally.asked && { model: job.model }),
    ...(sdk !== undefined && { sdk: sdk.slice(0, 40) }),
    promptSha256: job.prompt.sha256,
    toolsSha256: job.toolsSha256,
    pricesAsOf,
    turns: loop?.turns ?? 0,
    tokens: loop?.tokens ?? NO_TOKENS,
    microUsd,
    runMicroUsd: spentByRun(tally),
    capMicroUsd: job.budget.runMicroUsd,
    tools: calls
      .slice(0, 200)
      .map(({ error, ...call }) => ({ ...call, ...(error !== undefined && { error: clip(error, 500) }) })),
    ms,
    requestIds: (loop?.requestIds ?? []).slice(0, 60).map((id) => clip(id, 100)),
    lint: [...(loop?.lint ?? []), ...tally.lint].slice(0, 50).map((line) => clip(line, 300)),
    facts: facts.slice(0, MAX_FACTS).map((fact) => cleanFact(fact, clip)),
  };
}

/** Micro-dollars of the attempt; null: it asked a model whose price nobody knows. */
function spentBy({ asked, loop, purse }: Tally): number | null {
  if (!asked) return 0;
  if (loop !== undefined) return loop.microUsd;
  return purse?.microUsd === null ? null : 0;
}

/** The same with earlier attempts of the run, and what a crash left uncounted at its bound. */
export function spentByRun(tally: Tally): number | null {
  const spent = spentBy(tally);
  return spent === null ? null : tally.beforeMicroUsd + spent;
}

/** Who names a product may write anything into its name. */
function cleanFact(fact: Fact, clip: (text: string, limit: number) => string): Fact {
  const { label, value, source } = fact;
  return {
    ...fact,
    label: clip(label, 160) || 'unnamed',
    value: typeof value === 'string' ? clip(value, 200) : value,
    source: { ...source, query: clip(source.query, 500) },
  };
}

const WHY_OF: Readonly<Record<string, AgentWhy>> = {
  TIMED_OUT: 'deadline',
  CANCELLED: 'cancelled',
  AGENT_TOOLS: 'all_tools_failed',
  BUDGET_REACHED: 'budget_usd',
  PRICE_UNKNOWN: 'price_unknown',
  MODEL_SPEND_LIMIT: 'spend_limit',
  MODEL_REJECTED: 'api_error',
  MODEL_UNAVAILABLE: 'api_error',
  AGENT_ANSWER: 'bad_output',
};

/** The word for an error that ended an attempt before or beside the conversation. */
export function whyOf(error: unknown): AgentWhy {
  return (error instanceof RunError ? WHY_OF[error.code] : undefined) ?? 'error';
}
