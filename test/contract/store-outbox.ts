/** Deliveries: planned with the outcome, leased, sent part by part, settled. */
import { describe, expect } from 'vitest';
import type { Run } from '../../src/store/records.ts';
import { cardVersion } from '../../src/store/transitions.ts';
import { accept, claimOne } from '../support/store-harness.ts';
import type { Suite } from './store.ts';

const OUT = { limit: 100, workerId: 'outbox-1', leaseMs: 30_000 };

const failing = { code: 'JOB_FAILED', message: 'no such sheet' };

export function describeOutbox({ fact, h, report, live, completed }: Suite): void {
  const present = async (runId: string): Promise<Run> => {
    const run = await h.store.get(runId);
    if (run === undefined) throw new Error('gone');
    return run;
  };

  describe('the outbox', () => {
    fact('the outcome and its deliveries are one commit: after a crash both are there', async () => {
      const run = await accept(h.store);
      const plans = [report(), report()];
      await completed(plans);
      await h.reopen('crash');
      expect(await h.store.get(run.id)).toMatchObject({ state: 'completed', result: 42 });
      const claimed = await h.store.claimDeliveries(OUT);
      expect(claimed.map((one) => one.delivery.id)).toEqual(plans.map((plan) => plan.id));
      expect(claimed[0]?.about).toMatchObject({ kind: 'run', run: { id: run.id, result: 42 } });
    });
    fact('a delivery is leased to one sender at a time, oldest first', async () => {
      const plans = [report(), report(), report()];
      await accept(h.store);
      await completed(plans.slice(0, 2));
      await h.clock.advance(10);
      await accept(h.store);
      await completed(plans.slice(2));
      const claims = await Promise.all(
        [1, 2, 3].map((n) => h.store.claimDeliveries({ ...OUT, limit: 1, workerId: `o${n}` })),
      );
      expect(claims.flat().map((one) => one.delivery.id)).toEqual(plans.map((plan) => plan.id));
      expect(await h.store.claimDeliveries(OUT)).toEqual([]);
    });
    fact('the deliveries that could be claimed now are counted', async () => {
      expect(h.store.countDue('delivery')).toBe(0);
      await accept(h.store);
      await completed([report(), report(), report()]);
      expect(h.store.countDue('delivery')).toBe(3);
      await h.store.claimDeliveries({ ...OUT, limit: 2 });
      expect(h.store.countDue('delivery')).toBe(1);
    });
    fact('parts are frozen, moved and kept with their receipts; bodies go when delivered', async () => {
      await accept(h.store);
      const run = await completed([report()]);
      const [claimed] = await h.store.claimDeliveries(OUT);
      if (claimed === undefined) throw new Error('nothing to deliver');
      const { lease } = claimed;
      const at = new Date(h.clock.now()).toISOString();
      await h.store.recordPart({
        lease,
        freeze: [
          { n: 1, body: { text: 'one' } },
          { n: 2, body: { text: 'two' } },
        ],
        part: { n: 1, state: 'sending', at },
      });
      const receipt = { kind: 'slack', at, channel: 'C0SALES', ts: '1.2' } as const;
      await h.store.recordPart({ lease, part: { n: 1, state: 'sent', at, receipt } });
      await h.store.recordPart({
        lease,
        freeze: [
          { n: 1, body: 'other' },
          { n: 2, body: 'newer' },
        ],
      });
      const [before] = await h.store.deliveries(run.id);
      expect(before?.parts).toEqual([
        { n: 1, state: 'sent', body: { text: 'one' }, startedAt: at, receipt },
        { n: 2, state: 'pending', body: 'newer' },
      ]);
      expect(await h.store.settleDelivery({ lease, outcome: 'delivered' })).toMatchObject({ outcome: 'recorded' });
      const [after] = await h.store.deliveries(run.id);
      expect(after).toMatchObject({ state: 'delivered', parts: [{ receipt }, { n: 2 }] });
      expect(after?.parts.some((part) => 'body' in part)).toBe(false);
      expect(await h.store.settleDelivery({ lease, outcome: 'failed' })).toEqual({ outcome: 'stale' });
      expect(h.store.nextDue('delivery')).toBeUndefined();
    });
    fact('a part that was being sent at a crash is handed out again in that state', async () => {
      await accept(h.store);
      await completed([report()]);
      const [claimed] = await h.store.claimDeliveries(OUT);
      if (claimed === undefined) throw new Error('nothing to deliver');
      const at = new Date(h.clock.now()).toISOString();
      await h.store.recordPart({
        lease: claimed.lease,
        freeze: [{ n: 1, body: 'x' }],
        part: { n: 1, state: 'sending', at },
      });
      await h.reopen('crash');
      const [again] = await h.store.claimDeliveries(OUT);
      expect(again?.delivery).toMatchObject({
        attempts: 2,
        parts: [{ n: 1, state: 'sending', body: 'x', startedAt: at }],
      });
      expect(await h.store.recordPart({ lease: claimed.lease })).toEqual({ outcome: 'stale' });
    });
    fact('a retry waits for its nextAt, unknown is final unless it has one', async () => {
      await accept(h.store);
      const run = await completed([report()]);
      const nextAt = new Date(h.clock.now() + 5000).toISOString();
      for (const outcome of ['retrying', 'unknown'] as const) {
        const [claimed] = await h.store.claimDeliveries(OUT);
        if (claimed === undefined) throw new Error('nothing to deliver');
        const later = outcome === 'retrying' ? nextAt : new Date(h.clock.now() + 5000).toISOString();
        await h.store.settleDelivery({ lease: claimed.lease, outcome, nextAt: later, error: failing });
        expect(h.store.nextDue('delivery')).toBe(later);
        expect(await h.store.claimDeliveries(OUT)).toEqual([]);
        await h.clock.advance(5000);
      }
      const [last] = await h.store.claimDeliveries(OUT);
      if (last === undefined) throw new Error('nothing to deliver');
      await h.store.settleDelivery({ lease: last.lease, outcome: 'unknown', error: failing });
      await h.clock.advance(3_600_000);
      expect(await h.store.claimDeliveries(OUT)).toEqual([]);
      expect(await h.store.deliveries(run.id)).toMatchObject([{ state: 'unknown', attempts: 3, error: failing }]);
    });
    fact('a claim that was not settled in time is claimable again and fenced off', async () => {
      await accept(h.store);
      await completed([report()]);
      const [old] = await h.store.claimDeliveries({ ...OUT, leaseMs: 1000 });
      await h.clock.advance(1000);
      expect((await h.store.sweep()).expiredLeases).toBe(1);
      const [now] = await h.store.claimDeliveries(OUT);
      expect(now?.delivery).toMatchObject({ attempts: 2, fence: 2 });
      if (old === undefined) throw new Error('nothing to deliver');
      expect(await h.store.settleDelivery({ lease: old.lease, outcome: 'delivered' })).toEqual({ outcome: 'stale' });
    });
    fact(
      'a live card is due whenever its version differs from the shown one, and ends with the last report',
      async () => {
        const run = await accept(h.store, { deliveries: [live()] });
        const show = async (): Promise<number> => {
          const claimed = (await h.store.claimDeliveries(OUT)).filter((one) => one.delivery.mode === 'live');
          for (const { lease } of claimed) {
            const shownVersion = cardVersion(await present(run.id), await h.store.deliveries(run.id));
            await h.store.settleDelivery({ lease, outcome: 'shown', shownVersion });
          }
          return claimed.length;
        };
        expect([await show(), await show()]).toEqual([1, 0]);
        expect([h.store.countDue('delivery'), h.store.nextDue('delivery')]).toEqual([0, undefined]);
        const { lease } = await claimOne(h.store);
        expect(h.store.countDue('delivery')).toBe(1);
        expect([await show(), await show()]).toEqual([1, 0]);
        await h.store.heartbeat([{ lease, leaseMs: 30_000, progress: { steps: [], share: 0.1 } }]);
        expect([await show(), await show()]).toEqual([1, 0]);
        await h.store.settle([{ lease, end: 'completed', deliveries: [report()] }]);
        const claimed = await h.store.claimDeliveries(OUT);
        expect(claimed.map((one) => one.delivery.mode)).toEqual(['live', 'report']);
        for (const one of claimed) {
          const isLive = one.delivery.mode === 'live';
          await h.store.settleDelivery({
            lease: one.lease,
            outcome: isLive ? 'shown' : 'delivered',
            ...(isLive ? { shownVersion: cardVersion(await present(run.id), await h.store.deliveries(run.id)) } : {}),
          });
        }
        expect((await h.store.deliveries(run.id)).map((one) => one.state)).toEqual(['pending', 'delivered']);
        expect([await show(), await show()]).toEqual([1, 0]);
        expect((await h.store.deliveries(run.id)).map((one) => one.state)).toEqual(['delivered', 'delivered']);
        expect(h.store.nextDue('delivery')).toBeUndefined();
      },
    );
    fact('a card that showed progress of a dead process is drawn again after the crash', async () => {
      const run = await accept(h.store, { deliveries: [live()] });
      const { lease } = await claimOne(h.store);
      for (let n = 1; n <= 4; n++) {
        await h.store.heartbeat([{ lease, leaseMs: 30_000, progress: { steps: [], share: n / 10 } }]);
      }
      const [card] = await h.store.claimDeliveries(OUT);
      if (card === undefined) throw new Error('no card');
      const shownVersion = (await h.store.get(run.id))?.rev ?? 0;
      await h.store.settleDelivery({ lease: card.lease, outcome: 'shown', shownVersion });
      await h.reopen('crash');
      expect((await h.store.get(run.id))?.rev).toBeGreaterThan(shownVersion);
      expect(await h.store.claimDeliveries(OUT)).toHaveLength(1);
    });
  });
}
