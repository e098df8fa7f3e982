/** Caps on money and work, and the documents that a run writes with its outcome. */
import { describe, expect } from 'vitest';
import type { Run } from '../../src/store/records.ts';
import { accept, ana, claimOne } from '../support/store-harness.ts';
import type { Suite } from './store.ts';

const MONTH = '2026-11.usd';
const failing = { code: 'JOB_FAILED', message: 'no such sheet' };

export function describeReserve({ fact, h }: Suite): void {
  const reserve = (run: Pick<Run, 'id'>, amount: number, cap = 100) =>
    h.store.reserve({ runId: run.id, counters: [{ key: MONTH, amount, cap }] });
  const ledger = async () => (await h.store.getDoc('ledger', MONTH))?.value;

  describe('reserving', () => {
    fact('two runs that reserve at once cannot both pass a cap', async () => {
      const runs = await Promise.all(Array.from({ length: 8 }, () => accept(h.store)));
      const outcomes = await Promise.all(runs.map((run) => reserve(run, 30)));
      expect(outcomes.filter((one) => one.outcome === 'reserved')).toHaveLength(3);
      const refusal = { outcome: 'refused', key: MONTH, used: 0, held: 90, amount: 30, cap: 100 };
      expect(outcomes.filter((one) => one.outcome !== 'reserved')).toEqual(Array.from({ length: 5 }, () => refusal));
    });
    fact('a run reserves once, however often it asks, also after a crash', async () => {
      const run = await accept(h.store);
      const counters = [{ key: MONTH, used: 0, held: 40, mine: 40 }];
      expect(await reserve(run, 40)).toEqual({ outcome: 'reserved', counters });
      expect(await reserve(run, 90)).toEqual({ outcome: 'reserved', counters });
      await h.reopen('crash');
      expect(await reserve(run, 40)).toEqual({ outcome: 'reserved', counters });
      expect(await ledger()).toEqual({ used: 0, held: { [run.id]: 40 } });
    });
    fact('of several counters all are reserved or none', async () => {
      const run = await accept(h.store);
      const counters = [
        { key: MONTH, amount: 1, cap: 10 },
        { key: 'runs', amount: 2, cap: 1 },
      ];
      expect(await h.store.reserve({ runId: run.id, counters })).toMatchObject({ outcome: 'refused', key: 'runs' });
      expect(await ledger()).toBeUndefined();
    });
    fact('what was spent is booked with the outcome, and the rest is given back', async () => {
      await accept(h.store);
      const { run, lease } = await claimOne(h.store);
      await reserve(run, 60);
      const spend = [
        { key: MONTH, amount: 25 },
        { key: 'tokens', amount: 7 },
      ];
      await h.store.settle([{ lease, end: 'completed', spend }]);
      expect(await h.store.settle([{ lease, end: 'completed', spend }])).toEqual([{ outcome: 'stale' }]);
      expect(await ledger()).toEqual({ used: 25, held: {} });
      expect(await h.store.getDoc('ledger', 'tokens')).toMatchObject({ value: { used: 7, held: {} } });
      expect(await reserve(run, 1)).toMatchObject({ outcome: 'already_final' });
    });
    fact('a run that is tried again keeps what it has not spent', async () => {
      await accept(h.store);
      const { run, lease } = await claimOne(h.store);
      await reserve(run, 60);
      const retryAt = new Date(h.clock.now()).toISOString();
      await h.store.settle([{ lease, end: 'failed', error: failing, retryAt, spend: [{ key: MONTH, amount: 20 }] }]);
      expect(await ledger()).toEqual({ used: 20, held: { [run.id]: 40 } });
      const again = await claimOne(h.store);
      await h.store.release([again.lease]);
      expect(await ledger()).toEqual({ used: 20, held: { [run.id]: 40 } });
    });
    fact('a run that is cancelled or removed gives back what it holds', async () => {
      const [a, b, c] = await Promise.all([accept(h.store), accept(h.store), accept(h.store)]);
      for (const run of [a, b, c]) await reserve(run, 10);
      await h.store.cancel(a.id, ana);
      await h.store.remove(b.id, ana);
      expect(await ledger()).toEqual({ used: 0, held: { [c.id]: 10 } });
      await h.reopen('crash');
      await h.store.sweep();
      expect(await ledger()).toEqual({ used: 0, held: { [c.id]: 10 } });
      await h.store.cancel(c.id, ana);
      expect(await ledger()).toEqual({ used: 0, held: {} });
    });
    fact('an unknown run and amounts that are no whole numbers reserve nothing', async () => {
      expect(await reserve({ id: 'run_00000000000000000000000000' }, 1)).toEqual({ outcome: 'not_found' });
      const run = await accept(h.store);
      for (const amount of [-1, 0.5, Number.NaN, 2 ** 60]) {
        await expect(reserve(run, amount)).rejects.toMatchObject({ code: 'INPUT_INVALID' });
      }
      expect(await ledger()).toBeUndefined();
    });
  });
  describe("a run's documents", () => {
    fact('are there with the outcome, also after a crash', async () => {
      await accept(h.store);
      const { run, lease } = await claimOne(h.store);
      const docs = [
        { kind: 'memory', key: run.job, rev: 0, value: { advised: ['Northwind'] } },
        { kind: 'state', key: run.job, value: 7 },
      ];
      expect(await h.store.settle([{ lease, end: 'completed', docs }])).toMatchObject([{ outcome: 'settled' }]);
      await h.reopen('crash');
      expect(await h.store.get(run.id)).toMatchObject({ state: 'completed' });
      expect(await h.store.getDoc('memory', run.job)).toMatchObject({ rev: 1, value: { advised: ['Northwind'] } });
      expect(await h.store.getDoc('state', run.job)).toMatchObject({ rev: 1, value: 7 });
    });
    fact('a document that somebody else wrote meanwhile changes nothing, and the lease stays current', async () => {
      await h.store.putDoc({ kind: 'memory', key: 'm', rev: 0, value: 1 });
      await accept(h.store);
      const { run, lease } = await claimOne(h.store);
      const end = { lease, end: 'completed', spend: [{ key: MONTH, amount: 1 }] } as const;
      const late = [
        { kind: 'state', key: 'm', value: 5 },
        { kind: 'memory', key: 'm', rev: 0, value: 2 },
      ];
      expect(await h.store.settle([{ ...end, docs: late }])).toEqual([
        { outcome: 'conflict', kind: 'memory', key: 'm', rev: 1 },
      ]);
      expect(await h.store.get(run.id)).toEqual(run);
      expect(await h.store.getDoc('state', 'm')).toBeUndefined();
      expect(await ledger()).toBeUndefined();
      const now = [{ kind: 'memory', key: 'm', rev: 1, value: 2 }];
      expect(await h.store.settle([{ ...end, docs: now }])).toMatchObject([{ outcome: 'settled' }]);
      expect(await h.store.getDoc('memory', 'm')).toMatchObject({ rev: 2, value: 2 });
    });
    fact('of two runs that settle at once with one document, one is told of the conflict', async () => {
      await Promise.all([accept(h.store), accept(h.store)]);
      const leases = [await claimOne(h.store), await claimOne(h.store)].map((one) => one.lease);
      const docs = [{ kind: 'memory', key: 'm', rev: 0, value: 1 }];
      const outcomes = await h.store.settle(leases.map((lease) => ({ lease, end: 'completed' as const, docs })));
      expect(outcomes.map((one) => one.outcome)).toEqual(['settled', 'conflict']);
    });
  });
}
