import { createBudget } from '../../src/runner/budget.ts';
import type { Budget, BudgetDeps } from '../../src/runner/budget.ts';
import type { LoadedAgent } from '../../src/runner/jobs.ts';
import type { Purse } from '../../src/runner/purses.ts';
import { silentLog } from '../../src/log.ts';
import type { Run } from '../../src/store/records.ts';
import type { ClaimedRun, Store } from '../../src/store/store.ts';
import { accept, claimOne } from './store-harness.ts';
import type { Harness } from './store-harness.ts';

/** US dollars in micro-dollars. */
export const usd = (dollars: number): number => Math.round(dollars * 1_000_000);

const rates = { input: 2, output: 10, cacheRead: 0.1, cacheWrite5m: 2.5, cacheWrite1h: 4 };

/** An agent with what money asks of it. */
export function agentOf(name: string, over: Partial<LoadedAgent> & { run?: number; day?: number } = {}): LoadedAgent {
  const { run = 0.25, day = 2.5, ...rest } = over;
  const part: Partial<LoadedAgent> = {
    kind: 'agent',
    name,
    model: 'claude-sonnet-5-5',
    price: 'known',
    budget: {
      runMicroUsd: usd(run),
      dayMicroUsd: usd(day),
      turns: 8,
      toolCalls: 24,
      tokens: 200_000,
      outputTokens: 16_000,
    },
    ...rest,
  };
  // Money looks at these fields and at no others.
  return part as LoadedAgent;
}

export function budgetOf(h: Pick<Harness, 'store' | 'clock'>, over: Partial<BudgetDeps> = {}): Budget {
  return createBudget({
    store: h.store,
    clock: h.clock,
    log: silentLog,
    zone: 'UTC',
    caps: {},
    prices: { asOf: '2026-11-22', models: { 'claude-sonnet-5-5': rates } },
    alertsTo: [],
    jobs: () => [],
    ...over,
  });
}

/** A run of the job that a worker has begun. */
export async function begun(store: Store, job = 'digest'): Promise<ClaimedRun> {
  await accept(store, { job, queue: job, kind: 'agent' });
  return claimAgain(store, job);
}

export function claimAgain(store: Store, job = 'digest'): Promise<ClaimedRun> {
  return claimOne(store, { queues: [{ name: job, limit: 1000 }], kinds: ['agent'] });
}

/** The purse of an attempt that must be let through. */
export async function purseOf(budget: Budget, run: Run, job: LoadedAgent): Promise<Purse> {
  const opened = await budget.open(run, job);
  if (!opened.ok) throw opened.error;
  return opened.purse;
}

/** What a counter stands at. */
export async function counter(store: Store, key: string): Promise<{ used: number; held: number }> {
  const value: unknown = (await store.getDoc('ledger', key))?.value;
  if (typeof value !== 'object' || value === null || !('used' in value) || !('held' in value))
    return { used: 0, held: 0 };
  const held = Object.values(value.held ?? {}).reduce((sum: number, one) => sum + Number(one), 0);
  return { used: Number(value.used), held };
}
