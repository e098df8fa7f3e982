/**
 * What a run of six turns costs, by model, with the cache and without; and what our loop takes of time beside the SDK's bare
 * `messages.stream`, side by side on the same scripted API of loopback, with the same answers.
 */
import type Anthropic from '@anthropic-ai/sdk';
import { HOUSE_PRICES, costMicroUsd, priceOf } from '../src/runner/kinds/agent/prices.ts';
import type { Price } from '../src/runner/kinds/agent/prices.ts';
import type { LoadedTool } from '../src/runner/jobs.ts';
import { openClaude } from '../src/runner/kinds/agent/conversation/client.ts';
import type { Tokens } from '../src/store/agent-records.ts';
import { MODEL, converse, tool, toolbox } from '../test/support/claude-loop.ts';
import { callTools, say, startClaudeWire } from '../test/support/claude-wire.ts';
import type { WireRequest, WireStep, WireUsage } from '../test/support/claude-wire.ts';
import type { BenchResult } from './result.ts';
import { printTable, quantile, round } from './result.ts';

const TURNS = 6;
const MODELS = ['claude-haiku-5-5', 'claude-sonnet-5-5', 'claude-opus-5-5'];
/** Of AGENT.md section 4: 3,000 tokens before the first turn, 3,300 more with each, 500 of each answer. */
const RUN = { first: 3_000, added: 3_300, output: 500 };
/** Characters of a tool's result: about 3,000 tokens. */
const RESULT = 'x'.repeat(12_000);
const ROUNDS = { quick: 60, full: 250 } as const;
/** With the cache by without it; our loop by the bare calls. */
const GOALS = { cached: 0.55, perTurn: 1.5 };

export async function benchAgent(options: { quick: boolean }): Promise<BenchResult> {
  const costs = MODELS.map((model) => ({ model, plain: costOf(model, false), cached: costOf(model, true) }));
  printTable([
    [`a run of ${TURNS} turns`, 'input tokens', 'output tokens', 'no cache $', 'cached $', 'ratio'],
    ...costs.map(({ model, plain, cached }) => [
      model,
      String(usages(false).reduce((sum, { input }) => sum + input, 0)),
      String(TURNS * RUN.output),
      (plain / 1e6).toFixed(4),
      (cached / 1e6).toFixed(4),
      (cached / plain).toFixed(2),
    ]),
  ]);
  console.log('');
  const { ours, bare } = await measure(options.quick ? ROUNDS.quick : ROUNDS.full);
  printTable([
    ['ms a turn', 'median', 'p95'],
    ...Object.entries({ 'our loop': ours, 'bare messages.stream': bare }).map(([name, found]) => [
      name,
      quantile(found, 0.5).toFixed(2),
      quantile(found, 0.95).toFixed(2),
    ]),
  ]);
  const ratios = {
    cached: round(Math.max(...costs.map(({ plain, cached }) => cached / plain))),
    // Of both ways of a round, for the machine is slower in some rounds than in others.
    perTurn: round(
      quantile(
        ours.map((ms, round) => ms / (bare[round] ?? Number.NaN)),
        0.5,
      ),
    ),
  };
  const figures = {
    ourTurnMs: round(quantile(ours, 0.5)),
    bareTurnMs: round(quantile(bare, 0.5)),
    ...Object.fromEntries(costs.map(({ model, cached }) => [`${model} microUsd`, cached])),
  };
  const reached: Record<string, number> = ratios;
  const short = Object.entries(GOALS).flatMap(([goal, most]) => ((reached[goal] ?? Infinity) <= most ? [] : [goal]));
  return { bench: 'agent', ratios, goals: GOALS, short, figures };
}

/** Of each turn: with the cache, what the turn before sent is read and the rest is written. */
function usages(cached: boolean): Tokens[] {
  return Array.from({ length: TURNS }, (_, turn) => {
    const whole = RUN.first + turn * RUN.added;
    const before = turn === 0 ? 0 : whole - RUN.added;
    const rest = { output: RUN.output, cacheWrite1h: 0 };
    return cached
      ? { ...rest, input: 0, cacheRead: before, cacheWrite5m: whole - before }
      : { ...rest, input: whole, cacheRead: 0, cacheWrite5m: 0 };
  });
}

function costOf(model: string, cached: boolean): number {
  return usages(cached).reduce((sum, tokens) => sum + costMicroUsd(known(model), tokens), 0);
}

function known(model: string): Price {
  const price = priceOf(HOUSE_PRICES, model);
  if (price === undefined) throw new Error(`${model} has no price`);
  return price;
}

/** Five answers that call a tool, then the report; the turn is told from the length of the conversation, for both sides ask here. */
function script({ body }: WireRequest): WireStep {
  const turn = (body.messages.length - 1) / 2;
  const usage: WireUsage = usages(true)[turn] ?? {};
  return turn < TURNS - 1
    ? callTools([{ name: 'sales', input: { days: turn + 1 } }], { usage })
    : say({ headline: 'All is well' }, { usage });
}

async function measure(rounds: number): Promise<{ ours: number[]; bare: number[] }> {
  await using wire = await startClaudeWire(script, { count: RUN.first });
  const { client } = await openClaude({ apiKey: 'sk-ant-test-0123456789', baseUrl: wire.url });
  // Made when the job is loaded, not when it runs.
  const tools = [tool('sales', () => ({ data: RESULT }))];
  const ways = {
    ours: async () => {
      const { end } = await converse(wire, { client, tools, toolbox: toolbox(tools) });
      if (end.state !== 'completed' || end.turns !== TURNS) throw new Error(`our loop ended ${end.state}: ${end.why}`);
      if (end.microUsd !== costOf(MODEL, true))
        throw new Error(`our loop counted ${String(end.microUsd)} micro-dollars`);
    },
    bare: () => bareRun(client, tools),
  };
  const found: { ours: number[]; bare: number[] } = { ours: [], bare: [] };
  for (let round = -3; round < rounds; round++)
    for (const name of round % 2 === 0 ? (['ours', 'bare'] as const) : (['bare', 'ours'] as const)) {
      const begun = performance.now();
      await ways[name]();
      if (round >= 0) found[name].push((performance.now() - begun) / TURNS);
    }
  return found;
}

/** The same conversation without limits, money, checks and fences. */
async function bareRun(client: Pick<Anthropic, 'messages'>, loaded: readonly LoadedTool[]): Promise<void> {
  const tools = loaded.map(({ name, description, inputSchema }) => ({
    name,
    description,
    input_schema: { ...inputSchema, type: 'object' as const },
  }));
  const messages: Anthropic.MessageParam[] = [{ role: 'user', content: 'Judge.' }];
  for (let turn = 0; turn < TURNS; turn++) {
    const params = { model: MODEL, max_tokens: 16_000, system: 'You judge.', messages: [...messages], tools };
    const { content } = await client.messages.stream(params).finalMessage();
    messages.push({ role: 'assistant', content });
    const calls = content.filter((block) => block.type === 'tool_use');
    if (calls.length === 0) return;
    messages.push({
      role: 'user',
      content: calls.map(({ id }) => ({ type: 'tool_result', tool_use_id: id, content: RESULT })),
    });
  }
  throw new Error('the bare run did not end');
}
