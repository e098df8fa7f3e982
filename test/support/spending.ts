import { systemClock } from '../../src/clock.ts';
import { silentLog } from '../../src/log.ts';
import type { LoadedJob } from '../../src/runner/jobs.ts';
import { createMetrics } from '../../src/runner/metrics.ts';
import type { Metrics } from '../../src/runner/metrics.ts';
import { createBudget } from '../../src/runner/budget.ts';
import type { BudgetDeps } from '../../src/runner/budget.ts';
import { createSpending } from '../../src/runner/spending.ts';
import type { Spending } from '../../src/runner/spending.ts';
import type { Store } from '../../src/store/store.ts';
import { agentOf } from './money-house.ts';

/** The agent that these rooms know. */
export const AGENT = 'weekly-merchandising';

/** Money over a store, for rooms that are not about it: one agent, and no cap but its own. */
export function spendingOf(store: Store, over: Partial<Pick<BudgetDeps, 'clock' | 'caps'>> = {}): Spending {
  const jobs = () => [agentOf(AGENT)];
  const fate: Partial<LoadedJob> = { kind: 'function', name: 'fate' };
  const budget = createBudget({
    store,
    clock: systemClock,
    log: silentLog,
    zone: 'UTC',
    caps: {},
    prices: { asOf: '2026-11-22', models: {} },
    alertsTo: [],
    jobs,
    ...over,
  });
  return createSpending({
    budget,
    // Money looks at its name and its kind.
    jobs: () => [...jobs(), fate as LoadedJob],
    timeZone: 'UTC',
    pricesAsOf: '2026-11-22',
  });
}

export function metricsOf(store: Store, spending: Spending): Metrics {
  const jobs = () => [{ name: AGENT }];
  return createMetrics({ store, spending, jobs, clock: systemClock, log: silentLog, version: '0.0.0-test' });
}
