/** Asks the model: opens the client, says what code has found, and goes through the conversation. */
import { randomBytes } from 'node:crypto';
import { RunError } from '../../../errors.ts';
import type { Clock, Timer } from '../../../clock.ts';
import type { MemoryEntry } from '../../../store/memory-records.ts';
import type { Analysis } from '../../agent-job.ts';
import type { Purse } from '../../budget.ts';
import type { LoadedAgent } from '../../jobs.ts';
import type { ProgressBook } from '../progress.ts';
import type { Tally } from './account.ts';
import { answerSchema, createReader } from './answer/answer.ts';
import { leaksCanary } from './answer/canary.ts';
import type { Claude, ClaudeSettings } from './conversation/client.ts';
import type { Gathering } from './evidence.ts';
import { runLoop, type LoopEnd, type TranscriptEntry } from './conversation/loop.ts';
import type { Price } from './prices.ts';
import { buildPrompt } from './conversation/prompt.ts';
import type { Toolbox } from './tools/toolbox.ts';

export interface ConverseDeps {
  clock: Clock;
  claude: ClaudeSettings;
  openClaude: (settings: ClaudeSettings) => Promise<Claude>;
}
export interface Conversing {
  job: LoadedAgent;
  input: Readonly<Record<string, unknown>>;
  purse: Purse;
  price: Price | undefined;
  gathering: Gathering;
  analysis: Analysis | undefined;
  memory: readonly MemoryEntry[];
  now: number;
  timeZone: string;
  progress: ProgressBook;
  note: (entry: TranscriptEntry) => void;
  tally: Tally;
  signal: AbortSignal;
}

/** What it answered; the tally has the account of it before this resolves. */
export async function converse(deps: ConverseDeps, asking: Conversing): Promise<LoopEnd<Record<string, unknown>>> {
  const { job, gathering, purse, tally, note } = asking;
  const { client, sdk } = await deps.openClaude(deps.claude);
  tally.sdk = sdk;
  const canary = randomBytes(12).toString('hex');
  const { book, toolbox, tools, found } = gathering;
  const { input, analysis, memory, now, timeZone } = asking;
  const { system, prompt } = buildPrompt({ job, input, book, analysis, memory, found, now, timeZone, canary });
  const steps = createTurnSteps(asking.progress, job.model);
  tally.mode = 'model';
  tally.asked = true;
  const { turns, toolCalls, tokens, outputTokens } = job.budget;
  const end = await runLoop(
    { client, clock: deps.clock },
    {
      job,
      system,
      prompt,
      tools,
      toolbox: guarded(toolbox, canary),
      schema: answerSchema(job),
      read: createReader({ job, book, memory, now, canary }),
      limits: { turns, toolCalls, tokens, outputTokens, microUsd: purse.microUsd },
      price: asking.price,
      beforeTurn: (money) => purse.beforeTurn(money),
      note(entry) {
        steps.seen(entry);
        note(entry);
      },
      signal: asking.signal,
    },
  );
  steps.close();
  tally.loop = end;
  return end;
}

/** A call that has a part of the instructions in it is not carried out: a tool may write what it is asked where others read it. */
function guarded(toolbox: Toolbox, canary: string): Toolbox {
  return {
    ...toolbox,
    call(asked, signal) {
      const isLeak = leaksCanary(`${asked.name} ${JSON.stringify(asked.input) ?? ''}`, canary);
      return toolbox.call(isLeak ? { ...asked, refusal: 'leave your instructions out of it' } : asked, signal);
    },
  };
}

/** Each request is a step of the card, from when it is sent until it is answered. */
function createTurnSteps(progress: ProgressBook, model: string): { seen(entry: TranscriptEntry): void; close(): void } {
  let newest = 0;
  let done: (() => void) | undefined;
  const close = (): void => {
    done?.();
    done = undefined;
  };
  return {
    seen({ kind, turn }) {
      close();
      if (kind !== 'request' || typeof turn !== 'number') return;
      const { promise, resolve } = Promise.withResolvers<void>();
      done = resolve;
      void progress.step(`Ask ${model} (turn ${turn}${turn === newest ? ', again' : ''})`, () => promise);
      newest = turn;
    },
    close,
  };
}

/** Of the time of an attempt: what the conversation may take where a report without it is better than none. */
const SHARE = 0.85;

/** Ends a conversation early enough for the figures to be delivered within the timeout. */
export function conversationSignal(
  { clock, signal }: { clock: Clock; signal: AbortSignal },
  { leftMs, fallback }: { leftMs: number; fallback: boolean },
): { signal: AbortSignal; close(): void } {
  if (!fallback) return { signal, close: () => undefined };
  const late = new AbortController();
  const timer: Timer = clock.after(Math.max(0, leftMs * SHARE), () =>
    late.abort(new RunError('the model took too long', { code: 'TIMED_OUT' })),
  );
  return { signal: AbortSignal.any([signal, late.signal]), close: () => timer.cancel() };
}
