/** Old runs may be packed together (StoreOptions.archiveAfterMs); who reads and removes them cannot tell. */
import { describe, expect } from 'vitest';
import type { Run, RunSummary } from '../../src/store/records.ts';
import { accept, ana, claimOne, completeWithChart, newRun, walkBlobs } from '../support/store-harness.ts';
import type { Suite } from './store.ts';

const DAY_MS = 24 * 3_600_000;
/** Nothing is answered from memory. */
const OLD = { archiveAfterMs: 10 * DAY_MS, finalRunsKept: 0 };

export function describeArchive({ fact, h, reopenWith, report }: Suite): void {
  /** Accepts, runs and delivers, so that nothing can happen to the run any more. */
  const closed = async (over: Parameters<typeof accept>[1] = {}): Promise<Run> => {
    const { id } = await accept(h.store, over);
    const { lease } = await claimOne(h.store);
    await h.store.settle([{ lease, end: 'completed', result: { of: id }, deliveries: [report()] }]);
    for (const claimed of await h.store.claimDeliveries({ limit: 9, workerId: 'o', leaseMs: 1000 })) {
      await h.store.settleDelivery({ lease: claimed.lease, outcome: 'delivered' });
    }
    return (await h.store.get(id)) ?? Promise.reject(new Error('it is not there'));
  };
  const wait = async (ms: number): Promise<void> => {
    h.clock.step(ms);
    for (let n = 0; n < 3; n++) await h.store.sweep();
  };
  const everything = async (): Promise<unknown> => {
    const { items } = await h.store.list({ limit: 200 });
    const runs = items.map(async ({ id }) => [await h.store.get(id), await h.store.deliveries(id)]);
    return { items, counts: await h.store.count({}), runs: await Promise.all(runs) };
  };

  describe('old runs', () => {
    fact('G18 are read, listed and counted as before, with their deliveries', async () => {
      await reopenWith(OLD);
      for (let n = 0; n < 5; n++) {
        await closed();
        h.clock.step(5 * DAY_MS);
      }
      const before = await everything();
      await wait(30 * DAY_MS);
      expect(await everything()).toEqual(before);
    });
    fact('G18 stay in the pages of a list that was begun before they were old', async () => {
      await reopenWith(OLD);
      const runs: Run[] = [];
      for (let n = 0; n < 7; n++) runs.push(await closed());
      const { items, next } = await h.store.list({ limit: 3 });
      await wait(30 * DAY_MS);
      await h.store.remove(runs[5]?.id ?? '', ana);
      const rest = await h.store.list({ limit: 3, after: next ?? '' });
      const last = await h.store.list({ limit: 3, after: rest.next ?? '' });
      const seen: RunSummary[] = [...items, ...rest.items, ...last.items];
      expect(seen.map(({ id }) => id)).toEqual(runs.map(({ id }) => id).toReversed());
    });
    fact('G18 are removed for good, one among many', async () => {
      await reopenWith(OLD);
      const [first, second, third] = [await closed(), await closed(), await closed()];
      await wait(30 * DAY_MS);
      expect(await h.store.remove(second.id, ana)).toMatchObject({ outcome: 'removed', run: { id: second.id } });
      for (let n = 0; n < 3; n++) {
        expect(await h.store.get(second.id)).toBeUndefined();
        expect(await h.store.deliveries(second.id)).toEqual([]);
        expect((await h.store.list({})).items.map(({ id }) => id)).toEqual([third.id, first.id]);
        expect(await h.store.get(third.id)).toEqual(third);
        expect(await h.store.count({})).toMatchObject({ completed: 2 });
        await wait(DAY_MS);
      }
      expect(await h.store.remove(second.id, ana)).toMatchObject({ outcome: 'not_found' });
    });
    fact('G18 go with all of their month, and others come to it again', async () => {
      await reopenWith(OLD);
      const runs = [await closed(), await closed()];
      await wait(12 * DAY_MS);
      for (const { id } of runs) await h.store.remove(id, ana);
      await wait(DAY_MS);
      expect((await h.store.list({})).items).toEqual([]);
      const late = await closed();
      await wait(30 * DAY_MS);
      expect(await h.store.get(late.id)).toEqual(late);
    });
    fact('G18 that are retained for a time go when it is over', async () => {
      await reopenWith({ ...OLD, retainMs: 40 * DAY_MS });
      const run = await closed();
      await wait(39 * DAY_MS);
      expect(await h.store.get(run.id)).toEqual(run);
      await wait(2 * DAY_MS);
      expect(await h.store.get(run.id)).toBeUndefined();
      expect((await h.store.list({})).items).toEqual([]);
    });
    fact('G18 keep their blobs, and let go of them when they are removed', async () => {
      await reopenWith({ ...OLD, blobGraceMs: 1000 });
      const { sha256, runId } = await completeWithChart(h.store);
      await wait(30 * DAY_MS);
      await walkBlobs(h);
      expect(Buffer.from((await h.store.blobs.get(sha256)) ?? []).toString()).toBe('a chart');
      await h.store.remove(runId, ana);
      expect(await h.store.blobs.get(sha256)).toBeUndefined();
    });
    fact('G18 that are unfinished, or have something to deliver, go on where they were', async () => {
      await reopenWith(OLD);
      await accept(h.store);
      const { lease } = await claimOne(h.store);
      await h.store.settle([{ lease, end: 'completed', deliveries: [report()] }]);
      const waiting = await accept(h.store);
      await closedBeside();
      await wait(30 * DAY_MS);
      const [owed] = await h.store.claimDeliveries({ limit: 9, workerId: 'o', leaseMs: 1000 });
      expect(owed?.delivery.runId).toBe(lease.runId);
      const claimed = await claimOne(h.store);
      expect(claimed.run.id).toBe(waiting.id);
      await h.store.settle([{ lease: claimed.lease, end: 'completed', result: 'late' }]);
      await wait(30 * DAY_MS);
      expect(await h.store.get(waiting.id)).toMatchObject({ state: 'completed', result: 'late' });

      async function closedBeside(): Promise<void> {
        const run = await accept(h.store, { queue: 'another' });
        await h.store.cancel(run.id, ana);
      }
    });
    fact('G12 no longer hold their keys', async () => {
      await reopenWith(OLD);
      const run = await closed({ idempotencyKey: 'k' });
      await wait(30 * DAY_MS);
      const [again] = await h.store.submit([newRun({ idempotencyKey: 'k' })]);
      expect(again?.outcome).toBe('accepted');
      expect(await h.store.get(run.id)).toEqual(run);
    });
  });
}
