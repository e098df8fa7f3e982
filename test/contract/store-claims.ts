/** Who may execute a run, for how long, and what becomes of an attempt. */
import { describe, expect } from 'vitest';
import type { Run } from '../../src/store/records.ts';
import { accept, claimOne, newRun, wanting } from '../support/store-harness.ts';
import type { Suite } from './store.ts';

const failing = { code: 'JOB_FAILED', message: 'no such sheet' };

export function describeClaims({ fact, h }: Suite): void {
  describe('claiming', () => {
    fact('G10 claims go by priority, then runAt, then acceptance', async () => {
      const later = new Date(h.clock.now() + 1000).toISOString();
      const [a, b, c, d] = await Promise.all([
        accept(h.store),
        accept(h.store),
        accept(h.store, { priority: 9, runAt: later }),
        accept(h.store, { runAt: new Date(h.clock.now() - 1000).toISOString() }),
      ]);
      await h.clock.advance(1000);
      const claimed = await h.store.claim(wanting());
      expect(claimed.map((one) => one.run.id)).toEqual([c?.id, d?.id, a?.id, b?.id]);
    });
    fact('a claim keeps to its queues, their limits, its kinds and its own limit', async () => {
      await h.store.submit([
        newRun({ queue: 'a' }),
        newRun({ queue: 'a' }),
        newRun({ queue: 'b' }),
        newRun({ queue: 'c' }),
      ]);
      await h.store.submit([newRun({ queue: 'b', kind: 'command' })]);
      const queues = [
        { name: 'a', limit: 1 },
        { name: 'b', limit: 5 },
      ];
      const claimed = await h.store.claim(wanting({ queues, kinds: ['function'] }));
      expect(claimed.map((one) => one.run.queue)).toEqual(['a', 'b']);
      expect(await h.store.claim(wanting({ queues, limit: 0 }))).toEqual([]);
    });
    fact('G4 claims at the same moment never hand out one run twice', async () => {
      await h.store.submit(Array.from({ length: 40 }, () => newRun()));
      const claims = await Promise.all(
        Array.from({ length: 10 }, (_, at) => h.store.claim(wanting({ limit: 7, workerId: `w${at}` }))),
      );
      const ids = claims.flat().map((one) => one.run.id);
      expect(ids).toHaveLength(40);
      expect(new Set(ids).size).toBe(40);
    });
    fact('G16 a run never starts before its runAt, and may start at it', async () => {
      const run = await accept(h.store, { runAt: new Date(h.clock.now() + 5000).toISOString() });
      expect(run.state).toBe('scheduled');
      expect(h.store.nextDue('run')).toBe(run.runAt);
      await h.clock.advance(4999);
      expect(await h.store.claim(wanting())).toEqual([]);
      await h.clock.advance(1);
      expect(await h.store.claim(wanting())).toHaveLength(1);
      expect(h.store.nextDue('run')).toBeUndefined();
    });
    fact('G3 a failed attempt is handed out again until one settles it', async () => {
      await accept(h.store);
      const first = await claimOne(h.store);
      const retryAt = new Date(h.clock.now()).toISOString();
      await h.store.settle([{ lease: first.lease, end: 'failed', error: failing, retryAt }]);
      const second = await claimOne(h.store);
      expect(second.run.attempts.map((one) => [one.number, one.end])).toEqual([
        [1, 'failed'],
        [2, undefined],
      ]);
      await h.store.settle([{ lease: second.lease, end: 'completed', result: 'done' }]);
      expect(await h.store.get(second.run.id)).toMatchObject({ state: 'completed', result: 'done', attemptsUsed: 2 });
      expect(await h.store.claim(wanting())).toEqual([]);
    });
    fact('G9 a retry is not claimable before its retryAt', async () => {
      await accept(h.store);
      const { lease } = await claimOne(h.store);
      const retryAt = new Date(h.clock.now() + 2000).toISOString();
      const [outcome] = await h.store.settle([{ lease, end: 'timed_out', retryAt }]);
      expect(outcome).toMatchObject({ run: { state: 'retrying', runAt: retryAt } });
      await h.clock.advance(1999);
      expect(await h.store.claim(wanting())).toEqual([]);
      await h.clock.advance(1);
      expect(await h.store.claim(wanting())).toHaveLength(1);
    });
  });
  describe('leases', () => {
    fact('G5 a lease that is not current changes nothing and is answered stale', async () => {
      await accept(h.store);
      const old = await claimOne(h.store, { leaseMs: 1000 });
      await h.clock.advance(1000);
      await h.store.sweep();
      const now = await claimOne(h.store, { workerId: 'worker-2' });
      expect(now.lease.fence).toBeGreaterThan(old.lease.fence);
      expect(await h.store.settle([{ lease: old.lease, end: 'completed', result: 'late' }])).toEqual([
        { outcome: 'stale' },
      ]);
      expect(await h.store.heartbeat([{ lease: old.lease, leaseMs: 1000 }])).toEqual({
        lost: [old.run.id],
        cancelled: [],
      });
      await h.store.release([old.lease]);
      expect(await h.store.get(old.run.id)).toEqual(now.run);
    });
    fact('G5 fencing holds over a crash and a clock that steps back', async () => {
      await accept(h.store);
      const old = await claimOne(h.store);
      await h.reopen('crash');
      h.clock.step(-3_600_000);
      expect(await h.store.settle([{ lease: old.lease, end: 'completed' }])).toEqual([{ outcome: 'stale' }]);
      h.clock.step(3_600_000);
      const now = await claimOne(h.store);
      expect(now.lease.fence).toBeGreaterThan(old.lease.fence);
      expect(await h.store.settle([{ lease: old.lease, end: 'completed' }])).toEqual([{ outcome: 'stale' }]);
    });
    fact('G5 a run is settled once; the second settle is stale', async () => {
      await accept(h.store);
      const { lease } = await claimOne(h.store);
      const both = await Promise.all([
        h.store.settle([{ lease, end: 'completed', result: 1 }]),
        h.store.settle([{ lease, end: 'failed', error: failing }]),
      ]);
      expect(both.flat().map((one) => one.outcome)).toEqual(['settled', 'stale']);
      expect(await h.store.get(lease.runId)).toMatchObject({ state: 'completed', result: 1 });
    });
    fact('G6 a claimed run is invisible until its lease was not renewed for leaseMs', async () => {
      await accept(h.store);
      const { lease } = await claimOne(h.store, { leaseMs: 10_000 });
      await h.clock.advance(9000);
      expect(await h.store.heartbeat([{ lease, leaseMs: 10_000 }])).toEqual({ lost: [], cancelled: [] });
      await h.clock.advance(9999);
      expect((await h.store.sweep()).expiredLeases).toBe(0);
      expect(await h.store.claim(wanting())).toEqual([]);
      await h.clock.advance(1);
      expect((await h.store.sweep()).expiredLeases).toBe(1);
      const [next] = await h.store.claim(wanting());
      expect(next?.run.attempts.map((one) => [one.number, one.end, one.error?.code])).toEqual([
        [1, 'lease_expired', 'LEASE_EXPIRED'],
        [2, undefined, undefined],
      ]);
    });
    fact('G7 a run whose process died is claimable before the first claim returns', async () => {
      await accept(h.store);
      const { run } = await claimOne(h.store, { leaseMs: 3_600_000 });
      await h.reopen('crash');
      expect(h.report?.interrupted).toEqual([run.id]);
      const again = await claimOne(h.store);
      expect(again.run.id).toBe(run.id);
      expect(again.run.attempts.map((one) => one.end)).toEqual(['lease_expired', undefined]);
    });
    fact('G8 an attempt that was cut off counts, and a last one is handed out as exhausted', async () => {
      await accept(h.store, { policy: { maxAttempts: 1, timeoutMs: 1000, backoff: { baseMs: 1, maxMs: 1 } } });
      await claimOne(h.store, { leaseMs: 1000 });
      await h.clock.advance(1000);
      await h.store.sweep();
      for (let round = 0; round < 2; round++) {
        const { run, lease, exhausted } = await claimOne(h.store, { leaseMs: 1000 });
        expect(exhausted).toBe(true);
        expect(run).toMatchObject({ attemptsUsed: 1, attempts: [{ number: 1, end: 'lease_expired' }] });
        if (round === 0) {
          await h.store.release([lease]);
          continue;
        }
        const [outcome] = await h.store.settle([
          { lease, end: 'lease_expired', error: { code: 'LEASE_EXPIRED', message: 'cut off' } },
        ]);
        expect(outcome).toMatchObject({
          outcome: 'settled',
          run: { state: 'failed', error: { code: 'LEASE_EXPIRED' } },
        });
      }
      expect(await h.store.claim(wanting())).toEqual([]);
    });
    fact('G8 the newest twenty attempts are kept', async () => {
      await accept(h.store, { policy: { maxAttempts: 20, timeoutMs: 1000, backoff: { baseMs: 1, maxMs: 1 } } });
      for (let drained = 0; drained < 5; drained++) await h.store.release([(await claimOne(h.store)).lease]);
      let run: Run | undefined;
      for (let number = 1; number <= 20; number++) {
        const claimed = await claimOne(h.store);
        const retryAt = number === 20 ? {} : { retryAt: new Date(h.clock.now()).toISOString() };
        const [outcome] = await h.store.settle([{ lease: claimed.lease, end: 'failed', error: failing, ...retryAt }]);
        run = outcome?.outcome === 'settled' ? outcome.run : undefined;
      }
      expect(run).toMatchObject({ state: 'failed', attemptsUsed: 20 });
      expect(run?.attempts).toHaveLength(20);
      expect(run?.attempts.map((one) => one.number)).toEqual(Array.from({ length: 20 }, (_, at) => at + 1));
    });
    fact('G14 a released run is claimable at once, its attempt uncounted and its number used again', async () => {
      await accept(h.store);
      const { lease } = await claimOne(h.store);
      await h.store.release([lease]);
      expect(await h.store.get(lease.runId)).toMatchObject({ state: 'queued', attemptsUsed: 0 });
      const again = await claimOne(h.store);
      expect(again.run).toMatchObject({ attemptsUsed: 1 });
      expect(again.run.attempts.map((one) => [one.number, one.end])).toEqual([
        [1, 'drained'],
        [1, undefined],
      ]);
    });
    fact('progress is seen by readers and kept with the next durable write', async () => {
      await accept(h.store);
      const { lease, run } = await claimOne(h.store);
      const progress = { steps: [], share: 0.5, note: 'half' };
      await h.store.heartbeat([{ lease, leaseMs: 30_000, progress }]);
      await h.store.heartbeat([{ lease, leaseMs: 30_000, progress }]);
      expect(await h.store.get(run.id)).toMatchObject({ progress, rev: run.rev + 1 });
      await h.store.settle([{ lease, end: 'failed', error: failing }]);
      expect(await h.store.get(run.id)).toMatchObject({ progress, rev: run.rev + 2, state: 'failed' });
    });
  });
}
