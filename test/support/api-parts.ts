import type { ApiDeps } from '../../src/api/app.ts';
import { systemClock } from '../../src/clock.ts';
import { createMemory } from '../../src/runner/memory.ts';
import type { Runner } from '../../src/runner/runner.ts';
import { createSubscriptions } from '../../src/runner/subscriptions.ts';
import type { Store } from '../../src/store/store.ts';

/** What an API over these rooms has besides: no outbox, and little patience. */
export function atTheEdge({
  runner,
  store,
}: {
  runner: Runner;
  store: Store;
}): Pick<ApiDeps, 'process' | 'clock' | 'runWaitMs' | 'subscriptions' | 'preflights' | 'memory'> {
  return {
    subscriptions: createSubscriptions({ store, clock: systemClock }),
    memory: createMemory({ store, clock: systemClock }),
    process: {
      queue: (name, limit) => runner.process(name, limit),
      deliveries: () => Promise.resolve({ started: 0, remaining: 0 }),
    },
    preflights: {
      now: async (job) =>
        runner.job(job) === undefined
          ? { outcome: 'unknown_job', name: job, suggestions: [] }
          : { outcome: 'looked', job, verdict: 'ok', places: [], leftOut: 0 },
    },
    clock: systemClock,
    runWaitMs: 20_000,
  };
}
