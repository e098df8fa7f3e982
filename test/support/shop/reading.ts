/** Shorthands of tests that read a shop. */
import { setImmediate as turn } from 'node:timers/promises';
import type { Clock } from '../../../src/clock.ts';
import type { ToolContext, ToolOutput } from '../../../src/runner/agent-job.ts';
import { openAdminApi } from '../../../src/runner/kinds/agent/tools/shopify/source.ts';
import type { ShopSource } from '../../../src/runner/kinds/agent/tools/shopify/rows.ts';
import { shopifyTools } from '../../../src/runner/kinds/agent/tools/shopify/tools.ts';
import { manualClock } from '../clock.ts';
import type { ManualClock } from '../clock.ts';
import { story } from './story.ts';
import type { BuiltShop } from './story.ts';

/** Sunday 2026-11-22, noon in Berlin: the last whole day is Saturday the 21st. */
export const NOW = Date.UTC(2026, 10, 22, 11);
export const never: AbortSignal = new AbortController().signal;

export function context(env: Record<string, string> = {}, now = NOW): ToolContext {
  return { runId: 'run_1', now, timeZone: 'UTC', env, signal: never, log: () => undefined };
}
/** The tools over the Admin API or over rows, each called with what a model or a job would give. */
export function caller(
  source: ShopSource | undefined,
  ctx: ToolContext = context(),
): (tool: string, input?: Record<string, unknown>) => Promise<ToolOutput> {
  const tools = shopifyTools(source === undefined ? {} : { source: () => source });
  return async (name, input = {}) => {
    const tool = tools.find((each) => each.name === name);
    if (tool === undefined) throw new Error(`there is no tool ${name}`);
    return tool.run(tool.input.parse(input), ctx);
  };
}
export function valueOf(output: ToolOutput, key: string): number | string | null | undefined {
  return output.facts?.find((fact) => fact.key === key)?.value;
}
export function open(env: Record<string, string>, clock?: Clock): ShopSource {
  return openAdminApi(context(env), { random: () => 0.5, ...(clock === undefined ? {} : { clock }) });
}

/** A shop with a little of everything. */
export function smallShop(terms: { currency?: string; seed?: number } = {}): BuiltShop {
  return story({ now: NOW, ...terms })
    .product({ title: 'Blue mug', price: 12.5, cost: 4, stock: 6, incoming: 40 })
    .product({ title: 'Linen shirt', price: 60, cost: 22.4, stock: 0, variants: 12 })
    .product({ title: 'Old lamp', price: 80, cost: 30, stock: 9 })
    .product({ title: 'Draft thing', price: 10, status: 'draft' })
    .discount({ title: 'WINTER', percent: 20, codes: ['WINTER', 'winter2'] })
    .discount({ title: 'Bundle', percent: 10, kind: 'automatic' })
    .sell({ product: 'Blue mug', perDay: 3, from: 40, to: 1, refundRate: 0.1, perOrder: 2 })
    .sell({ product: 'Linen shirt', perDay: 1.5, from: 30, to: 2, discount: 'WINTER' })
    .sell({ product: 'Linen shirt', perDay: 0.5, from: 20, to: 1, discount: 'Bundle', refundRate: 0.25 })
    .sell({ product: undefined, perDay: 0.3, from: 30, to: 1 })
    .build();
}

/** A clock that stands still, and knows whether somebody sleeps by it. */
export interface SleepClock extends ManualClock {
  sleeping(): number;
}
export function sleepClock(): SleepClock {
  const clock = manualClock(NOW);
  let sleeping = 0;
  return {
    ...clock,
    sleeping: () => sleeping,
    async sleep(ms, signal) {
      sleeping++;
      await clock.sleep(ms, signal);
      sleeping--;
    },
  };
}

/** Lets time pass whenever somebody sleeps, until the work is over; answers how many seconds that took. */
export async function until<T>(
  clock: SleepClock,
  work: Promise<T>,
): Promise<{ seconds: number; error?: unknown; value?: T }> {
  const state: { over?: { error?: unknown; value?: T } } = {};
  work.then(
    (value) => (state.over = { value }),
    (error: unknown) => (state.over = { error }),
  );
  for (let seconds = 0; ; await turn()) {
    if (state.over !== undefined) return { seconds, ...state.over };
    if (clock.sleeping() === 0) continue;
    await clock.advance(1000);
    seconds++;
  }
}
