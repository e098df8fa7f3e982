/** A conversation of the loop with a scripted API: the real SDK, the real toolbox, small tools. */
import { z } from 'zod';
import { systemClock } from '../../src/clock.ts';
import type { ToolOutput } from '../../src/runner/agent-job.ts';
import type { LoadedTool } from '../../src/runner/jobs.ts';
import { openClaude } from '../../src/runner/kinds/agent/conversation/client.ts';
import { runLoop } from '../../src/runner/kinds/agent/conversation/loop.ts';
import type { LoopEnd, LoopRequest, TranscriptEntry } from '../../src/runner/kinds/agent/conversation/loop.ts';
import { HOUSE_PRICES, priceOf } from '../../src/runner/kinds/agent/prices.ts';
import { createToolbox } from '../../src/runner/kinds/agent/tools/toolbox.ts';
import type { Toolbox, ToolboxDeps } from '../../src/runner/kinds/agent/tools/toolbox.ts';
import type { ClaudeWire } from './claude-wire.ts';

export const MODEL = 'claude-sonnet-5-5';

type Run = (input: Record<string, unknown>, signal: AbortSignal) => unknown;

/** A tool of one number, `days`. */
export function tool(name: string, run: Run = () => ({ data: { name } }), more: Partial<LoadedTool> = {}): LoadedTool {
  const input = z.object({ days: z.number().int().max(60).default(7) });
  const { $schema: _, ...inputSchema } = z.toJSONSchema(input, { io: 'input' });
  return {
    name,
    description: `Reads ${name}.`,
    input,
    inputSchema,
    risk: 'read',
    timeoutMs: 60_000,
    maxResultChars: 20_000,
    run: async (given, ctx) => (await run(given, ctx.signal)) as ToolOutput,
    ...more,
  };
}

export function toolbox(tools: readonly LoadedTool[], more: Partial<ToolboxDeps> = {}): Toolbox {
  const context = { runId: 'run_1', env: {}, now: 0, timeZone: 'UTC', log: () => undefined };
  const take: ToolboxDeps['take'] = ({ output }) => output.data ?? output;
  return createToolbox({ clock: systemClock, tools, context, take, step: (_, fn) => fn(), nonce: 'n1', ...more });
}

export interface Told {
  spentMicroUsd: number;
  boundMicroUsd: number;
}
export interface Conversation {
  end: LoopEnd<unknown>;
  told: Told[];
  notes: TranscriptEntry[];
  box: Toolbox;
}
export type Terms = Partial<Omit<LoopRequest<unknown>, 'limits'>> & {
  limits?: Partial<LoopRequest<unknown>['limits']>;
  client?: Awaited<ReturnType<typeof openClaude>>['client'];
};

/** Runs it to its end, and looks that what is said of money is one truth. */
export async function converse(wire: Pick<ClaudeWire, 'url'>, terms: Terms = {}): Promise<Conversation> {
  const tools = terms.tools ?? [tool('sales')];
  const box = terms.toolbox ?? toolbox(tools);
  const [told, notes] = [new Array<Told>(), new Array<TranscriptEntry>()];
  const { limits, client, ...rest } = terms;
  const claude = client ?? (await openClaude({ apiKey: 'sk-ant-test-0123456789', baseUrl: wire.url })).client;
  const end = await runLoop<unknown>(
    { client: claude, clock: systemClock },
    {
      job: { model: MODEL, effort: 'medium', requires: [] },
      system: 'You judge.',
      prompt: 'Judge.',
      schema: { type: 'object' },
      read: readJson,
      price: priceOf(HOUSE_PRICES, rest.job?.model ?? MODEL),
      note: (entry) => void notes.push(entry),
      signal: new AbortController().signal,
      ...rest,
      tools,
      toolbox: box,
      limits: { turns: 8, toolCalls: 24, tokens: 200_000, outputTokens: 16_000, microUsd: 250_000, ...limits },
      beforeTurn: async (money) => {
        await rest.beforeTurn?.(money);
        told.push(money);
      },
    },
  );
  return { end, told, notes, box };
}

/** JSON with `ok` true is good; with `problems` it is not, and at last it is good without them. */
function readJson(text: string, final: boolean): ReturnType<LoopRequest<unknown>['read']> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { ok: false, problems: ['it is no JSON'] };
  }
  const problems = z.object({ problems: z.array(z.string()) }).safeParse(value);
  if (!problems.success) return { ok: true, value, lint: [] };
  return final ? { ok: true, value, lint: problems.data.problems } : { ok: false, problems: problems.data.problems };
}

/** Micro-dollars of claude-sonnet-5-5, by hand. */
export function sonnet(input: number, output: number): number {
  return input * 2 + output * 10;
}
