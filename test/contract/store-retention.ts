/** How long runs are kept. */
import { describe, expect } from 'vitest';
import type { Run } from '../../src/store/records.ts';
import { accept, claimOne, newRun } from '../support/store-harness.ts';
import type { Suite } from './store.ts';

const DAY_MS = 24 * 3_600_000;
const MINUTE_MS = 60_000;

export function describeRetention({ fact, h, reopenWith, report }: Suite): void {
  const finish = async (end: 'completed' | 'failed', deliveries = false): Promise<Run> => {
    await accept(h.store);
    const { lease, run } = await claimOne(h.store);
    await h.store.settle([{ lease, end, deliveries: deliveries ? [report()] : [] }]);
    return run;
  };
  const left = async (): Promise<string[]> => (await h.store.list({})).items.map((one) => one.id);
  const wait = async (ms: number): Promise<void> => {
    h.clock.step(ms);
    await h.store.sweep();
    await h.store.sweep();
  };

  describe('keeping', () => {
    fact('G18 by default everything is kept for ever', async () => {
      const run = await finish('completed');
      await wait(10_000 * DAY_MS);
      expect(await left()).toEqual([run.id]);
    });
    fact('G18 a final run is kept for its time and then removed, a failed one for its own', async () => {
      await reopenWith({ retainMs: DAY_MS, retainFailedMs: 3 * DAY_MS });
      const failed = await finish('failed');
      const completed = await finish('completed');
      await wait(DAY_MS - 1);
      expect(await left()).toEqual([completed.id, failed.id]);
      await wait(MINUTE_MS);
      expect(await left()).toEqual([failed.id]);
      expect(await h.store.get(completed.id)).toBeUndefined();
      await wait(2 * DAY_MS);
      expect(await left()).toEqual([]);
      await h.store.close();
      const acts = (await h.audit()).filter((one) => one.act === 'delete');
      expect(acts.map((one) => [one.actor.id, one.runId])).toEqual([
        ['retention', completed.id],
        ['retention', failed.id],
      ]);
    });
    fact('G18 an unfinished run, and one with something to deliver, is never removed by retention', async () => {
      await reopenWith({ retainMs: DAY_MS, retainFailedMs: DAY_MS });
      const owing = await finish('completed', true);
      const waiting = await accept(h.store);
      await wait(10 * DAY_MS);
      expect(await left()).toEqual([waiting.id, owing.id]);
    });
    fact('G18 a run is kept from its end on, however long it took', async () => {
      await reopenWith({ retainMs: DAY_MS });
      await accept(h.store);
      const { lease, run } = await claimOne(h.store);
      h.clock.step(5 * DAY_MS);
      await h.store.settle([{ lease, end: 'completed' }]);
      await wait(DAY_MS - 1);
      expect(await left()).toEqual([run.id]);
      await wait(MINUTE_MS);
      expect(await left()).toEqual([]);
    });
    fact('G18 more than one sweep can take is removed by the next ones', async () => {
      await reopenWith({ retainMs: DAY_MS });
      await h.store.submit(Array.from({ length: 250 }, () => newRun({ queue: 'bulk' })));
      const claimed = await h.store.claim({
        queues: [{ name: 'bulk', limit: 1000 }],
        kinds: ['function'],
        limit: 1000,
        workerId: 'w',
        leaseMs: 1000,
      });
      await h.store.settle(claimed.map(({ lease }) => ({ lease, end: 'completed' as const })));
      h.clock.step(2 * DAY_MS);
      await h.store.sweep();
      expect(await h.store.count({})).toMatchObject({ completed: 50 });
      await h.store.sweep();
      expect(await left()).toEqual([]);
    });
  });
}
