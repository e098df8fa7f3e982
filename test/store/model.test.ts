import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Lease, RunState } from '../../src/store/records.ts';
import type { DeliveryLease } from '../../src/store/store.ts';
import { ana, lowdbHarness, newRun, wanting } from '../support/store-harness.ts';
import type { LowdbHarness } from '../support/store-harness.ts';

/** What a store is, said as simply as it can be: what the real one must agree with after every step. */
interface ModelRun {
  state: RunState;
  used: number;
  runAt: number;
  lease?: { lease: Lease; until: number };
  deliveries: Map<string, 'open' | 'delivered'>;
}
interface Model {
  runs: Map<string, ModelRun>;
  keys: Map<string, string>;
  /** Leases that are no longer current. */
  stale: Lease[];
  docs: Map<string, number>;
}

const MAX_ATTEMPTS = 2;
const LEASE_MS = 10_000;
const FINAL: readonly RunState[] = ['completed', 'failed', 'cancelled'];

const step = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ verb: fc.constant('submit' as const), key: fc.constantFrom(undefined, 'a', 'b') }),
  },
  { weight: 5, arbitrary: fc.record({ verb: fc.constant('claim' as const), limit: fc.integer({ min: 1, max: 3 }) }) },
  {
    weight: 5,
    arbitrary: fc.record({
      verb: fc.constant('settle' as const),
      end: fc.constantFrom('completed', 'failed', 'retry'),
      nth: fc.nat(9),
    }),
  },
  { weight: 1, arbitrary: fc.record({ verb: fc.constant('release' as const), nth: fc.nat(9) }) },
  { weight: 2, arbitrary: fc.record({ verb: fc.constant('cancel' as const), nth: fc.nat(9) }) },
  { weight: 2, arbitrary: fc.record({ verb: fc.constant('remove' as const), nth: fc.nat(9) }) },
  { weight: 2, arbitrary: fc.record({ verb: fc.constant('late' as const), nth: fc.nat(9) }) },
  { weight: 3, arbitrary: fc.record({ verb: fc.constant('deliver' as const), limit: fc.integer({ min: 1, max: 3 }) }) },
  { weight: 2, arbitrary: fc.record({ verb: fc.constant('doc' as const), key: fc.constantFrom('x', 'y') }) },
  { weight: 2, arbitrary: fc.record({ verb: fc.constant('wait' as const), ms: fc.constantFrom(500, LEASE_MS) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      verb: fc.constant('reopen' as const),
      how: fc.constantFrom('crash' as const, 'clean' as const),
    }),
  },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

it('any sequence of verbs, crashes and restarts leaves what a plain map of runs would hold', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 15, maxLength: 50 }), async (steps) => {
      const h = await lowdbHarness();
      const model: Model = { runs: new Map(), keys: new Map(), stale: [], docs: new Map() };
      try {
        for (const one of steps) {
          await apply(h, model, one);
          await agree(h, model);
        }
      } finally {
        await h.dispose();
      }
    }),
    { numRuns: 40, seed: 20261123 },
  );
});

async function apply(h: LowdbHarness, model: Model, one: Step): Promise<void> {
  switch (one.verb) {
    case 'submit':
      return submit(h, model, one.key);
    case 'claim':
      return claim(h, model, one.limit);
    case 'settle':
      return settle(h, model, one);
    case 'release':
      return release(h, model, one.nth);
    case 'cancel': {
      const id = nth([...model.runs.keys()], one.nth);
      if (id === undefined) return;
      const run = must(model, id);
      const final = FINAL.includes(run.state);
      expect((await h.store.cancel(id, ana)).outcome).toBe(final ? 'already_final' : 'cancelled');
      if (final) return;
      run.state = 'cancelled';
      drop(model, run);
      return;
    }
    case 'remove': {
      const id = nth([...model.runs.keys()], one.nth);
      if (id === undefined) return;
      expect((await h.store.remove(id, ana)).outcome).toBe('removed');
      drop(model, must(model, id));
      model.runs.delete(id);
      return;
    }
    case 'late': {
      const lease = nth(model.stale, one.nth);
      if (lease === undefined) return;
      expect(await h.store.settle([{ lease, end: 'completed' }])).toEqual([{ outcome: 'stale' }]);
      return;
    }
    case 'deliver':
      return deliver(h, model, one.limit);
    case 'doc':
      return put(h, model, one.key);
    case 'wait':
      await h.clock.advance(one.ms);
      await h.store.sweep();
      return interrupt(h, model, (until) => until <= h.clock.now());
    case 'reopen':
      await h.reopen(one.how);
      expect(h.report?.quarantined).toEqual([]);
      return interrupt(h, model, () => true);
    default:
      return one satisfies never;
  }
}

async function submit(h: LowdbHarness, model: Model, key: string | undefined): Promise<void> {
  const policy = { maxAttempts: MAX_ATTEMPTS, timeoutMs: 1000, backoff: { baseMs: 1, maxMs: 1 } };
  const [outcome] = await h.store.submit([newRun({ policy, ...(key === undefined ? {} : { idempotencyKey: key }) })]);
  if (outcome === undefined || !('run' in outcome)) throw new Error(`not accepted: ${outcome?.outcome}`);
  const first = key === undefined ? undefined : model.keys.get(key);
  expect(outcome.outcome).toBe(first === undefined ? 'accepted' : 'deduplicated');
  if (first !== undefined) expect(outcome.run.id).toBe(first);
  else model.runs.set(outcome.run.id, { state: 'queued', used: 0, runAt: h.clock.now(), deliveries: new Map() });
  if (key !== undefined) model.keys.set(key, outcome.run.id);
}

async function claim(h: LowdbHarness, model: Model, limit: number): Promise<void> {
  const due = [...model.runs]
    .filter(([, run]) => ['queued', 'retrying'].includes(run.state) && run.runAt <= h.clock.now())
    .toSorted(([a, x], [b, y]) => x.runAt - y.runAt || (a < b ? -1 : 1))
    .slice(0, limit);
  const claimed = await h.store.claim(wanting({ limit, leaseMs: LEASE_MS }));
  expect(claimed.map((one) => one.run.id)).toEqual(due.map(([id]) => id));
  for (const { lease, exhausted } of claimed) {
    const run = must(model, lease.runId);
    expect(exhausted).toBe(run.used === MAX_ATTEMPTS);
    run.state = 'running';
    run.used++;
    run.lease = { lease, until: h.clock.now() + LEASE_MS };
  }
}

async function settle(h: LowdbHarness, model: Model, one: { end: string; nth: number }): Promise<void> {
  const held = nth(leased(model), one.nth);
  if (held === undefined) return;
  const run = must(model, held.lease.runId);
  const id = h.ids.next('dlv');
  const plan = { id, mode: 'report', destination: { kind: 'slack', channel: 'C0SALES' } } as const;
  const runAt = h.clock.now() + 500;
  const retry = one.end === 'retry' && run.used < MAX_ATTEMPTS;
  const [outcome] = await h.store.settle([
    {
      lease: held.lease,
      end: one.end === 'completed' ? 'completed' : 'failed',
      ...(retry ? { retryAt: new Date(runAt).toISOString() } : { deliveries: [plan] }),
    },
  ]);
  expect(outcome?.outcome).toBe('settled');
  if (retry) Object.assign(run, { state: 'retrying', runAt });
  else {
    run.state = one.end === 'completed' ? 'completed' : 'failed';
    run.deliveries.set(id, 'open');
  }
  if (run.used > MAX_ATTEMPTS) run.used = MAX_ATTEMPTS;
  drop(model, run);
}

async function release(h: LowdbHarness, model: Model, n: number): Promise<void> {
  const held = nth(leased(model), n);
  if (held === undefined) return;
  await h.store.release([held.lease]);
  const run = must(model, held.lease.runId);
  const exhausted = run.used > MAX_ATTEMPTS;
  run.state = exhausted ? 'retrying' : 'queued';
  run.used = exhausted ? MAX_ATTEMPTS : run.used - 1;
  drop(model, run);
}

async function put(h: LowdbHarness, model: Model, key: string): Promise<void> {
  const rev = model.docs.get(key) ?? 0;
  const wrong = await h.store.putDoc({ kind: 'status', key, rev: rev + 1, value: 0 });
  expect(wrong).toEqual({ outcome: 'conflict', rev });
  expect(await h.store.putDoc({ kind: 'status', key, rev, value: rev })).toMatchObject({ outcome: 'stored' });
  model.docs.set(key, rev + 1);
}

async function deliver(h: LowdbHarness, model: Model, limit: number): Promise<void> {
  const open = [...model.runs.values()].flatMap((run) => [...run.deliveries].filter(([, state]) => state === 'open'));
  const claimed = await h.store.claimDeliveries({ limit, workerId: 'o', leaseMs: LEASE_MS });
  expect(claimed).toHaveLength(Math.min(limit, open.length));
  const leases: DeliveryLease[] = claimed.map((one) => one.lease);
  for (const lease of leases) {
    expect((await h.store.settleDelivery({ lease, outcome: 'delivered' })).outcome).toBe('recorded');
    must(model, lease.runId).deliveries.set(lease.deliveryId, 'delivered');
  }
}

/** Leases end: by time, or because their process died. */
function interrupt(h: LowdbHarness, model: Model, ends: (until: number) => boolean): void {
  for (const run of model.runs.values()) {
    if (run.lease === undefined || !ends(run.lease.until)) continue;
    Object.assign(run, { state: 'retrying', runAt: h.clock.now(), used: Math.min(run.used, MAX_ATTEMPTS) });
    drop(model, run);
  }
}

async function agree(h: LowdbHarness, model: Model): Promise<void> {
  const { items } = await h.store.list({ limit: 200 });
  expect(items.map((one) => one.id)).toEqual([...model.runs.keys()].toReversed());
  for (const [id, expected] of model.runs) {
    const run = await h.store.get(id);
    expect(run).toMatchObject({ state: expected.state, attemptsUsed: Math.min(expected.used, MAX_ATTEMPTS) });
    const states = (await h.store.deliveries(id)).map((one) => [
      one.id,
      one.state === 'delivered' ? 'delivered' : 'open',
    ]);
    expect(states).toEqual([...expected.deliveries]);
  }
  const counts = await h.store.count({});
  for (const state of ['queued', 'running', 'retrying', 'completed', 'failed', 'cancelled'] as const) {
    expect(counts[state], state).toBe([...model.runs.values()].filter((run) => run.state === state).length);
  }
  for (const [key, rev] of model.docs) expect(await h.store.getDoc('status', key)).toMatchObject({ rev });
}

function leased(model: Model): NonNullable<ModelRun['lease']>[] {
  return [...model.runs.values()].flatMap((run) => run.lease ?? []);
}

function drop(model: Model, run: ModelRun): void {
  if (run.lease !== undefined) model.stale.push(run.lease.lease);
  delete run.lease;
}

function must(model: Model, id: string): ModelRun {
  const run = model.runs.get(id);
  if (run === undefined) throw new Error(`the model has no ${id}`);
  return run;
}

function nth<T>(items: readonly T[], n: number): T | undefined {
  return items.length === 0 ? undefined : items[n % items.length];
}
