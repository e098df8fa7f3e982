import fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Budget } from '../../src/runner/budget.ts';
import type { Purse } from '../../src/runner/purses.ts';
import type { Lease } from '../../src/store/records.ts';
import { agentOf, budgetOf, counter, usd } from '../support/money-house.ts';
import { accept, ana, lowdbHarness, wanting } from '../support/store-harness.ts';
import type { LowdbHarness } from '../support/store-harness.ts';

const DAY = 'usd.day.2026-11-23';
const KEYS = ['usd.job.digest.2026-11-23', DAY, 'usd.month.2026-11'];
const CAP = usd(1);
const job = agentOf('digest', { run: 0.1, day: 1 });
const error = { code: 'MODEL_UNAVAILABLE', message: 'overloaded' };

let h: LowdbHarness;
beforeEach(async () => {
  h = await lowdbHarness();
});
afterEach(() => h.dispose());

/** An attempt under way, and what it did: `now` of it no commit was told of. */
interface Attempt {
  lease: Lease;
  purse: Purse;
  spent: number;
  now: number;
}

async function claim(): Promise<Lease | undefined> {
  const queues = [{ name: 'digest', limit: 1000 }];
  const [claimed] = await h.store.claim(wanting({ queues, kinds: ['agent'], limit: 1 }));
  return claimed?.lease;
}
async function openOne(budget: Budget): Promise<Attempt | undefined> {
  const lease = await claim();
  const run = lease && (await h.store.get(lease.runId));
  if (lease === undefined || run === undefined) return undefined;
  const opened = await budget.open(run, job);
  if (opened.ok) return { lease, purse: opened.purse, spent: 0, now: 0 };
  await h.store.settle([{ lease, end: 'failed', error: { code: opened.error.code, message: opened.error.message } }]);
  return undefined;
}
async function endAll(budget: Budget): Promise<void> {
  const { items } = await h.store.list({ limit: 200 });
  for (const { id } of items) await h.store.cancel(id, ana);
  await budget.reconcile();
}

const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant('submit' as const) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('open' as const) }) },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('turn' as const),
      who: fc.nat(),
      bound: fc.integer({ min: 1, max: 30_000 }),
      share: fc.double({ min: 0, max: 1, noNaN: true }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom('complete' as const, 'fail' as const, 'cancel' as const),
      who: fc.nat(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('crash' as const, 'reconcile' as const) }) },
);

test('whatever order runs open, spend, end, are cancelled and crash in, all that was spent is counted and no cap is passed', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      await h.dispose();
      h = await lowdbHarness();
      let budget = budgetOf(h, { caps: { dayMicroUsd: CAP } });
      let open: Attempt[] = [];
      /** What must be counted in the end: what was spent, and of turns that a crash cut off their bound. */
      let expected = 0;
      const bounds = new Map<string, number>();
      for (const one of steps) {
        if (one.do === 'submit') await accept(h.store, { job: 'digest', queue: 'digest', kind: 'agent' });
        if (one.do === 'reconcile') await budget.reconcile();
        if (one.do === 'open') {
          const attempt = await openOne(budget);
          if (attempt !== undefined) open.push(attempt);
        }
        if (one.do === 'crash') {
          for (const bound of bounds.values()) expected += bound;
          bounds.clear();
          open = [];
          await h.reopen('crash');
          budget = budgetOf(h, { caps: { dayMicroUsd: CAP } });
          await budget.reconcile();
        }
        const attempt = 'who' in one && open.length > 0 ? open[one.who % open.length] : undefined;
        if (attempt === undefined) continue;
        const { lease, purse } = attempt;
        if (one.do === 'turn') {
          if (attempt.spent + one.bound > (purse.microUsd ?? 0)) continue;
          await purse.beforeTurn({ spentMicroUsd: attempt.now, boundMicroUsd: one.bound });
          bounds.set(lease.runId, one.bound);
          expected += attempt.now;
          attempt.now = Math.floor(one.bound * one.share);
          attempt.spent += attempt.now;
          continue;
        }
        open = open.filter((other) => other !== attempt);
        bounds.delete(lease.runId);
        expected += attempt.now;
        const rest = purse.rest(attempt.now);
        const retryAt = new Date(h.clock.now()).toISOString();
        if (one.do === 'complete') await h.store.settle([{ lease, end: 'completed', ...rest }]);
        if (one.do === 'fail') await h.store.settle([{ lease, end: 'failed', error, retryAt, ...rest }]);
        if (one.do === 'cancel') {
          await h.store.cancel(lease.runId, ana);
          await budget.reconcile();
          await h.store.charge({ runId: lease.runId, ...rest });
        }
        const { used, held } = await counter(h.store, DAY);
        expect(used + held).toBeLessThanOrEqual(CAP);
      }
      for (const bound of bounds.values()) expected += bound;
      await h.reopen('crash');
      await endAll(budgetOf(h));
      await endAll(budgetOf(h));
      for (const key of KEYS) expect(await counter(h.store, key)).toEqual({ used: expected, held: 0 });
    }),
    { numRuns: 40 },
  );
});

test('after 50 crashes between setting money aside and settling nothing that was spent is lost, and nothing is counted twice', async () => {
  /** What the model really took, and the bounds of turns whose end nobody lived to count. */
  let spent = 0;
  let cutOff = 0;
  const bound = 5_000;

  async function live(budget: Budget): Promise<void> {
    await accept(h.store, { job: 'digest', queue: 'digest', kind: 'agent' });
    const attempt = await openOne(budget);
    if (attempt === undefined) return;
    const { purse, lease } = attempt;
    let uncounted = 0;
    for (let turn = 0; turn < 3; turn++) {
      await purse.beforeTurn({ spentMicroUsd: uncounted, boundMicroUsd: bound });
      uncounted = 1_000 + turn;
      spent += uncounted;
    }
    await h.store.settle([{ lease, end: 'completed', ...purse.rest(uncounted) }]);
  }

  for (let crash = 1; crash <= 50; crash++) {
    const start = h.faults.calls();
    h.faults.on(() => (h.faults.calls() - start > crash * 2 ? 'EIO' : undefined));
    const budget = budgetOf(h, { caps: { dayMicroUsd: usd(1_000) } });
    const wide = { ...job, budget: { ...job.budget, dayMicroUsd: usd(1_000) } };
    // Of a life that was cut off, one turn is counted at its bound: the one under way, or the one whose commit nobody heard of.
    await live({ ...budget, open: (run) => budget.open(run, wide) }).catch(() => (cutOff += bound));
    await h.reopen('crash');
    const { used } = await counter(h.store, DAY);
    expect(used).toBeLessThanOrEqual(spent + cutOff);
  }
  await endAll(budgetOf(h));
  await endAll(budgetOf(h));
  const { used, held } = await counter(h.store, DAY);
  expect(held).toBe(0);
  expect(used).toBeGreaterThanOrEqual(spent);
  expect(used).toBeLessThanOrEqual(spent + cutOff);
});
