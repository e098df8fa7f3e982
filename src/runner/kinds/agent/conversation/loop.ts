/** The conversation with the model: turns, tool calls, limits, one repair. */
import type Anthropic from '@anthropic-ai/sdk';
import type { Clock } from '../../../../clock.ts';
import { BellhopError, RunError } from '../../../../errors.ts';
import type { AgentWhy, Tokens } from '../../../../store/agent-records.ts';
import type { LoadedAgent, LoadedTool } from '../../../jobs.ts';
import { readThrown } from '../../../thrown.ts';
import { createAsk } from './ask.ts';
import type { RequestBody } from './ask.ts';
import { callsOf, saidBack, textOf } from './blocks.ts';
import { createMeter } from './meter.ts';
import type { Meter } from './meter.ts';
import type { Price } from '../prices.ts';
import { Stopped, answerStop, brokenTools, limitStop, missingEvidence } from './stops.ts';
import type { Toolbox } from '../tools/toolbox.ts';
import { short } from '../bounded-text.ts';

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
  /** Before each request, and durable when it resolves: what was not charged yet, and what the coming one may cost at most. */
  beforeTurn: (money: { spentMicroUsd: number; boundMicroUsd: number }) => Promise<void>;
  note: (entry: TranscriptEntry) => void;
  signal: AbortSignal;
}
export interface LoopEnd<T> {
  state: 'completed' | 'failed' | 'cancelled';
  /** With state completed: `done`, or the limit that cut it short. */
  why: AgentWhy;
  cutShort: boolean;
  value?: T;
  lint: string[];
  /** That were sent; a turn whose answer broke off and was asked for again is one. */
  turns: number;
  tokens: Tokens;
  microUsd: number | null;
  /** The part of it that no `beforeTurn` was told of; one that was cut off by the signal counts as told. */
  unchargedMicroUsd: number;
  requestIds: string[];
  /** With state failed: a RunError, permanent or not, with the wait the service asked for. */
  error?: BellhopError;
}
type Limit = 'max_turns' | 'budget_usd' | 'budget_tokens' | 'tool_calls';
interface Done<T> {
  value: T;
  lint: string[];
}

/** Models that refuse to be told one. */
const NO_EFFORT = /^claude-(?:haiku|sonnet)-4-5(?:-\d{8})?$/;
const MAX_PROBLEMS = 20;
const MAX_PROBLEM = 300;
/** Of the problems, at most. */
const REPAIR_TOKENS = 2500;

/** Never throws; ends with the signal at the latest. */
export async function runLoop<T>(
  deps: { client: Pick<Anthropic, 'messages'>; clock: Clock },
  request: LoopRequest<T>,
): Promise<LoopEnd<T>> {
  const meter = createMeter(request);
  const requestIds: string[] = [];
  const conversation = createConversation({ ...deps, meter, requestIds }, request);
  const account = (): Omit<LoopEnd<T>, 'state' | 'why' | 'lint'> => ({
    cutShort: conversation.cutShort() !== undefined,
    turns: conversation.turns(),
    tokens: meter.tokens(),
    microUsd: meter.microUsd(),
    unchargedMicroUsd: meter.untold(),
    requestIds,
  });
  try {
    const done = await conversation.toTheEnd();
    return { state: 'completed', why: conversation.cutShort() ?? 'done', ...done, ...account() };
  } catch (error) {
    const how = request.signal.aborted ? abortedBy(request.signal.reason) : failedBy(error);
    return { ...how, lint: [], ...account(), cutShort: false };
  }
}

function abortedBy(reason: unknown): Pick<LoopEnd<never>, 'state' | 'why' | 'error'> {
  return reason instanceof BellhopError && reason.code === 'TIMED_OUT'
    ? { state: 'failed', why: 'deadline', error: reason }
    : { state: 'cancelled', why: 'cancelled' };
}

function failedBy(thrown: unknown): Pick<LoopEnd<never>, 'state' | 'why' | 'error'> {
  if (thrown instanceof Stopped) return { state: 'failed', why: thrown.why, error: thrown.error };
  const error = new RunError(`the agent's loop failed: ${readThrown(thrown).message}`, {
    code: 'INTERNAL',
    cause: thrown,
  });
  return { state: 'failed', why: 'error', error };
}

interface Conversation<T> {
  /** Throws Stopped, or the reason of the signal. */
  toTheEnd(): Promise<Done<T>>;
  turns(): number;
  /** The limit for which the model was asked to come to an end. */
  cutShort(): Limit | undefined;
}

function createConversation<T>(
  deps: { client: Pick<Anthropic, 'messages'>; clock: Clock; meter: Meter; requestIds: string[] },
  request: LoopRequest<T>,
): Conversation<T> {
  const { job, tools, toolbox, limits, signal, note } = request;
  const ask = createAsk({ ...deps, request });
  const messages: Anthropic.MessageParam[] = [];
  let turns = 0;
  let asked = 0;
  let repaired = false;
  let wrapUp: Limit | undefined;

  const bodyOf = (isLast: boolean): RequestBody => ({
    model: job.model,
    // The longest common beginning of all turns is read from the cache: half the bill of a run of six turns.
    cache_control: { type: 'ephemeral' },
    ...(request.system !== '' && { system: request.system }),
    messages: [...messages],
    ...(tools.length > 0 && { tools: tools.map(wireTool), tool_choice: { type: isLast ? 'none' : 'auto' } }),
    // A plain object: the SDK's own parser throws the answer and its usage away when it does not fit.
    output_config: {
      format: { type: 'json_schema', schema: request.schema },
      ...(!NO_EFFORT.test(job.model) && { effort: job.effort }),
    },
  });

  /** Says something to the model; behind what was said already, for two messages of one side follow each other badly. */
  function tell(content: Anthropic.ContentBlockParam[]): void {
    const last = messages.at(-1);
    if (last?.role === 'user' && Array.isArray(last.content)) last.content.push(...content);
    else messages.push({ role: 'user', content });
    ask.added(content);
  }

  async function limitNow(): Promise<Limit | undefined> {
    if (tools.length === 0) return undefined;
    if (turns >= limits.turns - 1) return 'max_turns';
    if (asked >= limits.toolCalls) return 'tool_calls';
    const near = deps.meter.nearly();
    if (near !== undefined || turns === 0) return near;
    const room = deps.meter.room(await ask.bound(bodyOf(false)));
    return room.ok ? room.tight : undefined;
  }

  async function turn(): Promise<{ message: Anthropic.Message; isLast: boolean }> {
    if (turns >= limits.turns) throw limitStop(wrapUp ?? 'max_turns');
    const limit = wrapUp ?? (await limitNow());
    // A repair is no evidence cut short: the report was there.
    if (limit !== undefined && wrapUp === undefined && !repaired) {
      wrapUp = limit;
      note({ kind: 'note', text: `asked to come to an end: ${limit}` });
      if (messages.at(-1)?.role === 'user') tell([{ type: 'text', text: wrapUpText(limit) }]);
    }
    const next = turns + 1;
    const message = await ask.turn(bodyOf(limit !== undefined), { turn: next, sent: () => void (turns = next) });
    const content = saidBack(message.content);
    // An empty message would be refused.
    if (content.length > 0) messages.push({ role: 'assistant', content });
    return { message, isLast: limit !== undefined };
  }

  async function carryOut(calls: readonly Anthropic.ToolUseBlock[]): Promise<void> {
    const results = await Promise.all(
      calls.map(async ({ id, name, input }): Promise<Anthropic.ToolResultBlockParam> => {
        const isOver = ++asked > limits.toolCalls;
        const answer = isOver
          ? overTheLimit(limits.toolCalls)
          : await toolbox.call({ name, input, by: 'model' }, signal);
        note({ kind: 'tool', name, input, ...answer });
        return { type: 'tool_result', tool_use_id: id, content: answer.text, ...(!answer.ok && { is_error: true }) };
      }),
    );
    tell(results);
    const broken = brokenTools(toolbox);
    if (broken !== undefined) throw broken;
  }

  async function canRepair(): Promise<boolean> {
    if (repaired || turns >= limits.turns) return false;
    return deps.meter.room((await ask.bound(bodyOf(false))) + REPAIR_TOKENS).ok;
  }

  /** Undefined: the model was told what is wrong. */
  async function report(message: Anthropic.Message): Promise<Done<T> | undefined> {
    const missing = missingEvidence(job, tools.length > 0, toolbox);
    if (missing !== undefined) throw missing;
    const mayRepair = await canRepair();
    const read = request.read(textOf(message), !mayRepair);
    if (read.ok) return { value: read.value, lint: read.lint };
    const problems = read.problems.slice(0, MAX_PROBLEMS).map((problem) => `- ${short(problem, MAX_PROBLEM)}`);
    if (!mayRepair) throw answerStop('bad_output', `the answer is no valid report: ${problems.join(' ')}`);
    repaired = true;
    tell([{ type: 'text', text: repairText(problems, read.problems.length) }]);
    return undefined;
  }

  async function follow(message: Anthropic.Message, isLast: boolean): Promise<Done<T> | undefined> {
    const calls = callsOf(message);
    switch (message.stop_reason) {
      case 'pause_turn':
        return undefined;
      case 'refusal':
        throw answerStop('refusal', `the model refused: ${message.stop_details?.category ?? 'no category was given'}`);
      case 'model_context_window_exceeded':
        throw answerStop('context', 'the conversation grew longer than the model can read', LESS);
      case 'max_tokens':
        // Calls that are cut off as well could not be answered, nor the report sent back.
        if (calls.length === 0 && isJson(textOf(message))) return await report(message);
        throw answerStop(
          'truncated',
          'the answer was cut off at its longest',
          'Raise `budget.outputTokens` of the job.',
        );
      // Also a reason that is not known yet is read for what it brought.
      default:
        if (calls.length === 0) return await report(message);
        if (isLast) throw limitStop(wrapUp ?? 'max_turns');
        await carryOut(calls);
        return undefined;
    }
  }

  return {
    async toTheEnd() {
      signal.throwIfAborted();
      // What code has called before may have failed already: then nothing is spent.
      const broken = brokenTools(toolbox);
      if (broken !== undefined) throw broken;
      note({ kind: 'request', system: request.system, prompt: request.prompt, tools: tools.map(({ name }) => name) });
      tell([{ type: 'text', text: request.prompt }]);
      for (;;) {
        const { message, isLast } = await turn();
        const done = await follow(message, isLast);
        if (done !== undefined) return done;
      }
    },
    turns: () => turns,
    cutShort: () => wrapUp,
  };
}

const LESS = 'Let the tools return less: `maxResultChars`, a shorter window, fewer rows.';

function wireTool({ name, description, inputSchema }: LoadedTool): Anthropic.Tool {
  return { name, description, input_schema: { ...inputSchema, type: 'object' } };
}

function wrapUpText(limit: Limit): string {
  return `The limit of this run is nearly reached (${limit}). Do not call tools any more. Write the final report from what you have, and say less where you know less.`;
}

function repairText(problems: readonly string[], all: number): string {
  const more = all > problems.length ? `\n(${all - problems.length} more are not listed)` : '';
  return `Your report did not pass the checks. Mend only these problems, and answer with the whole report again:\n${problems.join('\n')}${more}`;
}

function overTheLimit(limit: number): { ok: false; text: string } {
  return { ok: false, text: `Error: not carried out, for this run may make ${limit} calls of tools and has made them` };
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
