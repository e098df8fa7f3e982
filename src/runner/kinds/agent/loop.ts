/** The conversation with the model: turns, tool calls, limits, one repair; the only file that streams messages. */
import type Anthropic from '@anthropic-ai/sdk';
import type { Clock } from '../../../clock.ts';
import type { BellhopError } from '../../../errors.ts';
import type { AgentWhy, Tokens } from '../../../store/agent-records.ts';
import type { LoadedAgent, LoadedTool } from '../../jobs.ts';
import type { Price } from './prices.ts';
import type { Toolbox } from './toolbox.ts';

export interface TranscriptEntry {
  kind: 'request' | 'answer' | 'tool' | 'note';
  [detail: string]: unknown;
}
/** What the model wrote, read: `final` is the last chance, where what is wrong is left out instead of refused. */
export type ReadAnswer<T> = (
  text: string,
  final: boolean,
) => { ok: true; value: T; lint: string[] } | { ok: false; problems: string[] };

export interface LoopRequest<T> {
  job: Pick<LoadedAgent, 'model' | 'effort' | 'requires'>;
  system: string;
  prompt: string;
  tools: readonly LoadedTool[];
  toolbox: Toolbox;
  /** The JSON schema of the answer. */
  schema: Record<string, unknown>;
  read: ReadAnswer<T>;
  limits: {
    turns: number;
    toolCalls: number;
    tokens: number;
    outputTokens: number;
    /** What is left to this attempt; null: no price is known, and only tokens are held. */
    microUsd: number | null;
  };
  price: Price | undefined;
  /** Before each turn, and durable when it resolves: what was not charged yet, and what the coming turn may cost at most. */
  beforeTurn: (money: { spentMicroUsd: number; boundMicroUsd: number }) => Promise<void>;
  note: (entry: TranscriptEntry) => void;
  signal: AbortSignal;
}
export interface LoopEnd<T> {
  state: 'completed' | 'failed' | 'cancelled';
  why: AgentWhy;
  cutShort: boolean;
  value?: T;
  lint: string[];
  turns: number;
  tokens: Tokens;
  microUsd: number | null;
  /** The part of it that no `beforeTurn` was told of. */
  unchargedMicroUsd: number;
  requestIds: string[];
  /** With state failed: a RunError, permanent or not, with the wait the service asked for. */
  error?: BellhopError;
}
/** Never throws; ends with the signal at the latest. */
export async function runLoop<T>(
  _deps: { client: Pick<Anthropic, 'messages'>; clock: Clock },
  _request: LoopRequest<T>,
): Promise<LoopEnd<T>> {
  throw new Error('placeholder');
}
