/** A day of a small server whose every step may fail or be the last, and the audit of what a store then must hold. */
import { expect } from 'vitest';
import { codeOf } from '../../src/errors.ts';
import type { Store } from '../../src/store/store.ts';
import { ana, newRun, wanting } from './store-harness.ts';
import { newNotice } from './store-notices.ts';

const OUT = { limit: 10, workerId: 'o', leaseMs: 60_000 };

/** What the caller asked for, and what it was promised. A wish may be granted or not until the answer came, and then it stands. */
export interface Ledger {
  accepted: Set<string>;
  completed: Set<string>;
  cancelWished: Set<string>;
  cancelled: Set<string>;
  removeWished: Set<string>;
  removed: Set<string>;
  /** The newest revision that was acknowledged, by key. */
  docs: Map<string, number>;
  delivered: Set<string>;
  /** The id that was acknowledged, by the key of the notice. */
  notices: Map<string, string>;
  /** The keys of runs that were submitted together: all of them are there, or none. */
  batches: string[][];
  errors: string[];
}

export const newLedger = (): Ledger => ({
  accepted: new Set(),
  completed: new Set(),
  cancelWished: new Set(),
  cancelled: new Set(),
  removeWished: new Set(),
  removed: new Set(),
  docs: new Map(),
  delivered: new Set(),
  notices: new Map(),
  batches: [],
  errors: [],
});

/** What the day is made of; `pause` lets the time pass in which a store works in the background. */
export interface Day {
  store: Store;
  ledger: Ledger;
  /** Part of every idempotency key: two days in one folder must not be one. */
  name?: string;
  pause?: () => Promise<void>;
}

/** Accepts, executes, delivers, cancels, removes; the caller of a step that failed goes on, and asks again. */
export async function workload(day: Day): Promise<void> {
  const { store, ledger, name = '', pause = async () => undefined } = day;
  const step = async (work: () => Promise<void>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      ledger.errors.push(codeOf(error) ?? String(error));
    }
  };
  for (const key of ['a', 'b', 'c', 'd']) {
    const submit = async (): Promise<void> => {
      const [outcome] = await store.submit([newRun({ idempotencyKey: `${name}${key}` })]);
      if (outcome !== undefined && 'run' in outcome) ledger.accepted.add(outcome.run.id);
    };
    await step(submit);
    // Somebody who got no answer asks again.
    if (ledger.errors.length > 0) await step(submit);
  }
  await step(() => submitTogether(store, ledger, name));
  await pause();
  await step(() => execute(store, ledger));
  // Who got no answer, or died before it was remembered, adds the notice again.
  for (let n = 0; n < 2; n++) await step(() => addNotice(store, ledger, `${name}incident`));
  await step(() => deliver(store, ledger));
  await step(() => putTwice(store, ledger, `${name}sig`));
  await pause();
  await step(() => cancelOne(store, ledger));
  await step(() => removeOne(store, ledger));
  await step(async () => {
    await store.sweep();
  });
  await pause();
}

/** More than a checkpoint syncs one by one. */
async function submitTogether(store: Store, ledger: Ledger, name: string): Promise<void> {
  const keys = Array.from({ length: 6 }, (_, n) => `${name}together-${n}`);
  ledger.batches.push(keys);
  for (const outcome of await store.submit(keys.map((idempotencyKey) => newRun({ idempotencyKey })))) {
    if ('run' in outcome) ledger.accepted.add(outcome.run.id);
  }
}

async function execute(store: Store, ledger: Ledger): Promise<void> {
  const claimed = await store.claim(wanting({ limit: 2 }));
  for (const { lease, run } of claimed) {
    const id = `dlv${run.id.slice(3)}`;
    const plan = { id, mode: 'report', destination: { kind: 'slack', channel: 'C0SALES' } } as const;
    const [outcome] = await store.settle([{ lease, end: 'completed', result: 1, deliveries: [plan] }]);
    if (outcome?.outcome === 'settled') ledger.completed.add(run.id);
  }
}

async function addNotice(store: Store, ledger: Ledger, key: string): Promise<void> {
  const { notice } = await store.addNotice(newNotice({ key }));
  expect(ledger.notices.get(key) ?? notice.id, 'one key made two notices').toBe(notice.id);
  ledger.notices.set(key, notice.id);
}

async function deliver(store: Store, ledger: Ledger): Promise<void> {
  for (const { lease } of await store.claimDeliveries(OUT)) {
    const outcome = await store.settleDelivery({ lease, outcome: 'delivered' });
    if (outcome.outcome === 'recorded') ledger.delivered.add(lease.deliveryId);
  }
}

async function putTwice(store: Store, ledger: Ledger, key: string): Promise<void> {
  for (let n = 0; n < 2; n++) {
    const rev = (await store.getDoc('inbound', key))?.rev ?? 0;
    const put = await store.putDoc({ kind: 'inbound', key, rev, value: rev + 1 });
    if (put.outcome === 'stored') ledger.docs.set(key, put.doc.rev);
  }
}

async function cancelOne(store: Store, ledger: Ledger): Promise<void> {
  const victim = [...ledger.accepted].find((id) => !ledger.completed.has(id) && !ledger.cancelWished.has(id));
  if (victim === undefined) return;
  ledger.cancelWished.add(victim);
  const { outcome } = await store.cancel(victim, ana);
  if (outcome === 'cancelled') ledger.cancelled.add(victim);
}

async function removeOne(store: Store, ledger: Ledger): Promise<void> {
  const victim = [...ledger.completed].find((id) => !ledger.removeWished.has(id));
  if (victim === undefined) return;
  ledger.removeWished.add(victim);
  await store.remove(victim, ana);
  ledger.removed.add(victim);
}

/** Fails when something acknowledged is missing or older than promised, something removed came back, or one key made two runs. */
export async function checkLedger(store: Store, ledger: Ledger, when: string): Promise<void> {
  for (const id of ledger.accepted) {
    const run = await store.get(id);
    if (ledger.removed.has(id)) expect(run, `${when}: ${id} came back`).toBeUndefined();
    else if (!ledger.removeWished.has(id)) expect(run?.id, `${when}: ${id} is lost`).toBe(id);
    if (run === undefined) continue;
    if (ledger.completed.has(id)) expect(run, when).toMatchObject({ state: 'completed', result: 1 });
    if (ledger.cancelled.has(id)) expect(run.state, when).toBe('cancelled');
    for (const delivery of await store.deliveries(id)) {
      if (ledger.delivered.has(delivery.id)) expect(delivery.state, when).toBe('delivered');
    }
  }
  for (const [key, rev] of ledger.docs) {
    const doc = await store.getDoc('inbound', key);
    expect(doc?.rev, `${when}: the document ${key} is stale`).toBeGreaterThanOrEqual(rev);
    expect(doc?.value, when).toBe(doc?.rev);
  }
  await checkNotices(store, ledger, when);
  await checkReads(store, ledger, when);
}

/** A notice is there with its delivery, once. */
async function checkNotices(store: Store, ledger: Ledger, when: string): Promise<void> {
  const { items } = await store.listNotices({});
  const keys = items.map((one) => one.notice.key);
  expect(new Set(keys).size, `${when}: a notice is there twice`).toBe(keys.length);
  for (const [key, id] of ledger.notices) {
    expect(items.find((one) => one.notice.key === key)?.notice.id, `${when}: the notice ${key} is lost`).toBe(id);
  }
  for (const { deliveries } of items) {
    expect(deliveries, `${when}: a notice lost its plan`).toHaveLength(1);
    for (const { id, state } of deliveries) if (ledger.delivered.has(id)) expect(state, when).toBe('delivered');
  }
}

/** The list, the records and the counts say the same. */
async function checkReads(store: Store, ledger: Ledger, when: string): Promise<void> {
  const { items } = await store.list({ limit: 200 });
  const runs = await Promise.all(items.map(({ id }) => store.get(id)));
  for (const [n, run] of runs.entries()) {
    const item = items[n];
    expect({ id: run?.id, state: run?.state, rev: run?.rev }, `${when}: the list says something else`).toEqual({
      id: item?.id,
      state: item?.state,
      rev: item?.rev,
    });
  }
  const keys = runs.map((run) => run?.idempotencyKey);
  expect(new Set(keys).size, `${when}: one key made two runs`).toBe(keys.length);
  for (const batch of ledger.batches) {
    const there = batch.filter((key) => keys.includes(key)).length;
    expect([0, batch.length], `${when}: a part of a batch is there`).toContain(there);
  }
  const counts = await store.count({});
  expect(
    Object.values(counts).reduce((sum, count) => sum + count, 0),
    `${when}: the counts are wrong`,
  ).toBe(items.length);
}
