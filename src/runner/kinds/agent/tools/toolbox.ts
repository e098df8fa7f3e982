/** Calls tools: checks their input, holds them to their time and size, notes what became of each call. */
import { z } from 'zod';
import type { Clock } from '../../../../clock.ts';
import { RunError } from '../../../../errors.ts';
import { createScrub } from '../../../../scrub.ts';
import type { Scrub } from '../../../../scrub.ts';
import type { ToolCall } from '../../../../store/agent-records.ts';
import type { ToolContext, ToolOutput } from '../../../agent-job.ts';
import type { LoadedTool } from '../../../jobs.ts';
import { readThrown } from '../../../thrown.ts';
import { orAbort } from '../abort.ts';
import { createPlaces } from './at-once.ts';
import { foreignText } from '../harmless-text.ts';
import { readToolOutput } from './tool-output.ts';
import { canonicalJson, fence, short, withoutPaths } from '../bounded-text.ts';

/** What the model is shown of a call: one text in a fence. */
export interface ToolAnswer {
  ok: boolean;
  text: string;
}
export interface ToolFailure {
  name: string;
  /** As the tool threw it where it threw a RunError; an input that does not fit is no RunError of a tool (`by` model). */
  error: RunError;
  /** Who is to blame: the tool, or the model that asked for what there is not. */
  of: 'tool' | 'asking';
}
interface Asked {
  name: string;
  input: unknown;
  by: ToolCall['by'];
  /** Why it is not carried out. */
  refusal?: string;
}
export interface Toolbox {
  /** Never throws, but when `signal` aborts: then with its reason, at once. The same call twice is carried out once, unless it failed. */
  call(asked: Asked, signal: AbortSignal): Promise<ToolAnswer>;
  /** In the order in which they ended. */
  calls(): ToolCall[];
  /** The newest good output of a tool. */
  output(name: string): ToolOutput | undefined;
  /** Of the calls that failed, in the order in which they ended: whether trying again later helps. */
  failures(): readonly ToolFailure[];
}
export interface ToolboxDeps {
  clock: Clock;
  tools: readonly LoadedTool[];
  context: Omit<ToolContext, 'signal'>;
  /** Takes the facts and targets of a good call into the book, and answers what the model is shown of it, as JSON. */
  take: (found: { tool: string; query: string; output: ToolOutput }) => unknown;
  /** A step of the card. */
  step: <T>(title: string, fn: () => Promise<T>) => Promise<T>;
  /** Stands in the fence, new for each attempt. */
  nonce: string;
  /** For what leaves the tool; default: tokens of well-known shapes. The values of `context.env` are masked in errors and titles anyway. */
  scrub?: Scrub;
}

const AT_ONCE = 4;
const MAX_ERROR = 500;
const MAX_NAME = 64;
const MAX_QUERY = 500;
const MAX_TITLE = 120;
/** More calls are carried out, but no longer noted: an account has room for 200. */
const MAX_CALLS = 200;

/** Variables that are addresses and no secrets: an error that hid which shop it speaks of would help nobody. */
const OPEN: ReadonlySet<string> = new Set(['SHOPIFY_STORE']);

interface Ready {
  tool: LoadedTool;
  input: Record<string, unknown>;
  /** The input in one order of its members. */
  canonical: string;
  /** As much of it as is shown. */
  query: string;
}

export function createToolbox(deps: ToolboxDeps): Toolbox {
  const { clock, tools, context, take, step, nonce } = deps;
  const scrub = deps.scrub ?? createScrub([]);
  const hide = createScrub(
    Object.entries(context.env).flatMap(([name, value]) => (OPEN.has(name) ? [] : (value ?? []))),
  );
  const mask: Scrub = (text) => hide(scrub(text));
  const byName = new Map(tools.map((tool) => [tool.name, tool]));
  const places = createPlaces(AT_ONCE);
  const calls: ToolCall[] = [];
  const failed: ToolFailure[] = [];
  const outputs = new Map<string, { output: ToolOutput; by: ToolCall['by'] }>();
  const known = new Map<string, Promise<ToolAnswer>>();

  function note(call: ToolCall): void {
    if (calls.length < MAX_CALLS) calls.push(call);
  }

  function fail(
    asked: { name: string; by: ToolCall['by']; begun: number },
    failure: Omit<ToolFailure, 'name'>,
  ): ToolAnswer {
    // What a model asks for that there is not is in its own words, and reports speak of failed calls.
    const isQuote = asked.by === 'model' && failure.of === 'asking';
    const name = isQuote && !byName.has(asked.name) ? 'unknown_tool' : short(asked.name, MAX_NAME) || 'unknown';
    const error = short(withoutPaths(mask(failure.error.message)), MAX_ERROR);
    const kept = isQuote ? 'the model asked for what there is not' : error;
    note({ name, by: asked.by, state: 'failed', ms: clock.monotonic() - asked.begun, error: kept });
    if (failed.length < MAX_CALLS) failed.push({ name, ...failure });
    return { ok: false, text: fence(`Error: ${error}`, { source: name, nonce }) };
  }

  /** Ends at its timeout and with the signal, whether the tool listens or not. */
  async function run({ tool, input, query, by }: Ready & Pick<ToolCall, 'by'>, signal: AbortSignal): Promise<string> {
    const late = new AbortController();
    const { name, timeoutMs } = tool;
    const timer = clock.after(timeoutMs, () =>
      late.abort(new RunError(`${name} did not answer within ${timeoutMs} ms`, { code: 'TIMED_OUT' })),
    );
    const both = AbortSignal.any([signal, late.signal]);
    try {
      // In a promise of its own: a tool that is no async function may throw at once.
      const ran = Promise.resolve().then(() => tool.run(input, { ...context, signal: both }));
      const output = readToolOutput(await orAbort(ran, both), name);
      const shown: unknown = take({ tool: name, query, output });
      // Code judges by what it asked for itself, whatever a model asked of the same tool later.
      if (by === 'code' || outputs.get(name)?.by !== 'code') outputs.set(name, { output, by });
      return cut(scrub(typeof shown === 'string' ? shown : (JSON.stringify(shown) ?? 'null')), tool.maxResultChars);
    } finally {
      timer.cancel();
    }
  }

  async function carryOut(ready: Ready, by: ToolCall['by'], signal: AbortSignal): Promise<ToolAnswer> {
    const leave = await places.take(signal);
    const begun = clock.monotonic();
    const { name } = ready.tool;
    try {
      const title = `${name} ${foreignText(mask(ready.query), MAX_TITLE)}`;
      const text = await orAbort(
        step(title, () => run({ ...ready, by }, signal)),
        signal,
      );
      note({ name, by, state: 'ok', ms: clock.monotonic() - begun });
      return { ok: true, text: fence(text, { source: name, nonce }) };
    } catch (error) {
      const answer = fail({ name, by, begun }, { error: asRunError(error), of: 'tool' });
      signal.throwIfAborted();
      return answer;
    } finally {
      leave();
    }
  }

  async function once(ready: Ready, by: ToolCall['by'], signal: AbortSignal): Promise<ToolAnswer> {
    const key = `${ready.tool.name} ${ready.canonical}`;
    for (;;) {
      const same = known.get(key);
      const answer = same ?? carryOut(ready, by, signal);
      if (same === undefined) {
        known.set(key, answer);
        // What failed may be asked again: the next time it may be there.
        const forget = (): void => void known.delete(key);
        answer.then(({ ok }) => ok || forget(), forget);
        return await answer;
      }
      try {
        return await orAbort(same, signal);
      } catch {
        // Who asked first was stopped; we were not.
        signal.throwIfAborted();
      }
    }
  }

  function prepare(name: string, input: unknown): Ready | string {
    const tool = byName.get(name);
    if (tool === undefined)
      return `there is no tool ${short(name, MAX_NAME)}; there are ${[...byName.keys()].join(', ')}`;
    const read = tool.input.safeParse(input);
    if (!read.success) return `the input does not fit: ${z.prettifyError(read.error)}`;
    const canonical = canonicalJson(read.data);
    return { tool, input: read.data, canonical, query: canonical.slice(0, MAX_QUERY).toWellFormed() };
  }

  return {
    async call({ name, input, by, refusal }, signal) {
      signal.throwIfAborted();
      const ready = refusal ?? prepare(name, input);
      if (typeof ready !== 'string') return await once(ready, by, signal);
      const error = new RunError(ready, { code: 'AGENT_TOOLS' });
      return fail({ name, by, begun: clock.monotonic() }, { error, of: 'asking' });
    },
    calls: () => [...calls],
    output: (name) => outputs.get(name)?.output,
    failures: () => [...failed],
  };
}

/** What the tool threw, with its permanence; anything but a RunError may be tried again. */
function asRunError(thrown: unknown): RunError {
  const error = readThrown(thrown);
  return error instanceof RunError ? error : new RunError(error.message, { code: 'AGENT_TOOLS', cause: thrown });
}

function cut(text: string, max: number): string {
  const whole = text.toWellFormed();
  if (whole.length <= max) return whole;
  const left = whole.length - max;
  return `${whole.slice(0, max).toWellFormed()}\n[cut here: ${left} more characters were left out; ask for less]`;
}
