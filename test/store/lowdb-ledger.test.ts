import { afterEach, beforeEach, expect, it } from 'vitest';
import { isFinal } from '../../src/store/records.ts';
import { accept, ana, claimOne, lowdbHarness, newRun } from '../support/store-harness.ts';
import type { LowdbHarness } from '../support/store-harness.ts';

const KEY = '2026-11.usd';
const SCHEDULE = 'every-minute';
let h: LowdbHarness;
beforeEach(async () => {
  h = await lowdbHarness();
});
afterEach(() => h.dispose());

/** What was charged to a run on the way: its document says so in the same commit. */
async function chargedOf(runId: string): Promise<number> {
  return Number((await h.store.getDoc('agent-run', runId))?.value ?? 0);
}

/** Each run reserves 10, is charged twice, and spends what its input says; the process dies at some call in between. */
async function live(until: (calls: number) => boolean): Promise<void> {
  const start = h.faults.calls();
  h.faults.on(() => (until(h.faults.calls() - start) ? 'EIO' : undefined));
  const one = async (n: number): Promise<void> => {
    const run = await accept(h.store, { input: n });
    await h.store.reserve({ runId: run.id, counters: [{ key: KEY, amount: 10, cap: 1_000_000 }] });
    const { lease, run: mine } = await claimOne(h.store);
    for (let turn = 0; turn < 2; turn++) {
      const charged = (await chargedOf(mine.id)) + 2;
      const docs = [{ kind: 'agent-run', key: mine.id, value: charged, runId: mine.id }];
      await h.store.charge({ runId: mine.id, spend: [{ key: KEY, amount: 2 }], docs });
    }
    if (n % 4 === 0) await h.store.cancel(mine.id, ana);
    else await h.store.settle([{ lease, end: 'completed', spend: [{ key: KEY, amount: Number(mine.input) }] }]);
  };
  await Promise.allSettled([1, 2, 3, 4, 5].map(one));
}

async function agrees(): Promise<void> {
  const value = await h.store.getDoc('ledger', KEY);
  const ledger: unknown = value?.value ?? { used: 0, held: {} };
  let used = 0;
  const unfinished = new Set<string>();
  for (let after: string | undefined, more = true; more; more = after !== undefined) {
    const page = await h.store.list({ limit: 200, ...(after === undefined ? {} : { after }) });
    for (const { id } of page.items) {
      const run = await h.store.get(id);
      used += await chargedOf(id);
      if (run?.state === 'completed') used += Number(run.input);
      if (run !== undefined && !isFinal(run.state)) unfinished.add(id);
    }
    after = page.next;
  }
  expect(ledger).toMatchObject({ used });
  const held =
    typeof ledger === 'object' && ledger !== null && 'held' in ledger ? Object.entries(ledger.held ?? {}) : [];
  for (const [runId, amount] of held) {
    expect(unfinished).toContain(runId);
    expect(amount).toBe(Math.max(0, 10 - (await chargedOf(runId))));
  }
}

it('after 50 crashes between reserving and settling the ledger is what the runs say', async () => {
  for (let crash = 1; crash <= 50; crash++) {
    await live((calls) => calls > crash);
    await h.reopen('crash');
    await agrees();
  }
  const charges = (await h.store.listDocs('agent-run', { limit: 200 })).items.map(({ value }) => Number(value));
  expect(new Set(charges).size).toBeGreaterThan(1);
  const done = await h.store.count({});
  expect(done.completed).toBeGreaterThan(0);
  expect(done.queued + done.retrying).toBeGreaterThan(0);
});
it('after 50 crashes while a schedule advances, each due time has one run and none is missing', async () => {
  const at = (slot: number): string => new Date(Date.UTC(2026, 10, 23) + slot * 60_000).toISOString();
  for (let crash = 1; crash <= 50; crash++) {
    const start = h.faults.calls();
    h.faults.on(() => (h.faults.calls() - start > 3 + (crash % 7) ? 'EIO' : undefined));
    try {
      for (;;) {
        const doc = await h.store.getDoc('schedule', SCHEDULE);
        const slot = doc === undefined ? 0 : doc.rev;
        await h.store.advance({
          schedule: SCHEDULE,
          expectedWatermark: slot === 0 ? null : at(slot - 1),
          watermark: at(slot),
          runs: [newRun({ trigger: 'schedule', input: at(slot) })],
          skips: [],
        });
      }
    } catch {
      await h.reopen('crash');
    }
  }
  const doc = await h.store.getDoc('schedule', SCHEDULE);
  const runs = (await h.store.list({ limit: 200 })).items;
  const inputs = await Promise.all(runs.map(async ({ id }) => (await h.store.get(id))?.input));
  expect(inputs.toReversed()).toEqual(Array.from({ length: doc?.rev ?? 0 }, (_, slot) => at(slot)));
  expect(runs.length).toBeGreaterThan(20);
});
