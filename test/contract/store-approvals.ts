/** Runs that wait until somebody approves them. */
import { describe, expect } from 'vitest';
import { accept, ana, claimOne, newRun, wanting } from '../support/store-harness.ts';
import type { Suite } from './store.ts';

const ben = { kind: 'slack', id: 'U0BEN' } as const;
const DAY_MS = 24 * 3_600_000;

export function describeApprovals({ fact, h }: Suite): void {
  const waiting = (over = {}) => accept(h.store, { waits: 'approval', ...over });
  const isClaimed = async (): Promise<boolean> => (await h.store.claim(wanting())).length > 0;

  describe('approving', () => {
    fact('a run that waits is not claimed and not counted as due', async () => {
      const run = await waiting();
      expect(run.state).toBe('waiting');
      await h.clock.advance(3 * DAY_MS);
      expect(await isClaimed()).toBe(false);
      expect(h.store.countDue({ queue: run.queue })).toBe(0);
      expect(h.store.nextDue('run')).toBeUndefined();
      expect(await h.store.count({})).toMatchObject({ waiting: 1 });
      expect((await h.store.list({ states: ['waiting'] })).items).toMatchObject([{ id: run.id }]);
    });
    fact('a waiting run survives a crash as it was', async () => {
      const run = await waiting();
      await h.reopen('crash');
      expect(await h.store.get(run.id)).toEqual(run);
      expect(await isClaimed()).toBe(false);
      expect(await h.store.approve(run.id, ben)).toMatchObject({ outcome: 'approved' });
    });
    fact('an approved run is due at once, says who approved it, and keeps that to its end', async () => {
      const run = await waiting();
      await h.clock.advance(DAY_MS);
      const outcome = await h.store.approve(run.id, ben);
      const runAt = new Date(h.clock.now()).toISOString();
      expect(outcome).toMatchObject({ outcome: 'approved', run: { state: 'queued', runAt, approvedBy: ben, rev: 2 } });
      const { lease } = await claimOne(h.store);
      await h.store.settle([{ lease, end: 'completed' }]);
      expect(await h.store.get(run.id)).toMatchObject({ state: 'completed', approvedBy: ben, actor: ana });
      const acts = (await h.audit()).map(({ act, actor, runId }) => [act, actor.id, runId]);
      expect(acts).toEqual([
        ['run', ana.id, run.id],
        ['approve', ben.id, run.id],
      ]);
    });
    fact('an approval and its audit entry survive a crash together', async () => {
      const run = await waiting();
      await h.store.approve(run.id, ben);
      await h.reopen('crash');
      expect(await h.store.get(run.id)).toMatchObject({ state: 'queued', approvedBy: ben });
      expect((await h.audit()).map(({ act }) => act)).toEqual(['run', 'approve']);
    });
    fact('an approved run whose time is still to come is scheduled for it', async () => {
      const runAt = new Date(h.clock.now() + DAY_MS).toISOString();
      const run = await waiting({ runAt });
      expect(run).toMatchObject({ state: 'waiting', runAt });
      expect(await h.store.approve(run.id, ben)).toMatchObject({ run: { state: 'scheduled', runAt } });
      expect(await isClaimed()).toBe(false);
      await h.clock.advance(DAY_MS);
      expect(await isClaimed()).toBe(true);
    });
    fact('of many who approve at once one is first, and the act is noted once', async () => {
      const run = await waiting();
      const outcomes = await Promise.all(Array.from({ length: 8 }, () => h.store.approve(run.id, ben)));
      expect(outcomes.map((one) => one.outcome).toSorted()).toEqual([
        'approved',
        ...Array.from({ length: 7 }, () => 'not_waiting'),
      ]);
      expect((await h.audit()).filter(({ act }) => act === 'approve')).toHaveLength(1);
    });
    fact('a run that never waited, has ended or is not there cannot be approved', async () => {
      const queued = await accept(h.store);
      expect(await h.store.approve(queued.id, ben)).toEqual({ outcome: 'not_waiting', run: queued });
      await h.store.cancel(queued.id, ana);
      expect(await h.store.approve(queued.id, ben)).toMatchObject({
        outcome: 'not_waiting',
        run: { state: 'cancelled' },
      });
      expect(await h.store.approve('run_00000000000000000000000000', ben)).toEqual({ outcome: 'not_found' });
    });
    fact('a waiting run that is cancelled was denied: it cannot be approved any more and never runs', async () => {
      const run = await waiting();
      expect(await h.store.cancel(run.id, ben)).toMatchObject({ outcome: 'cancelled', run: { cancelledBy: ben } });
      expect(await h.store.approve(run.id, ana)).toMatchObject({ outcome: 'not_waiting' });
      expect(await isClaimed()).toBe(false);
      expect(await h.store.get(run.id)).toMatchObject({ state: 'cancelled', attempts: [] });
    });
    fact('of an approval and a denial at once the first stands', async () => {
      const run = await waiting();
      const [denied, approved] = await Promise.all([h.store.cancel(run.id, ben), h.store.approve(run.id, ana)]);
      expect([denied.outcome, approved.outcome]).toEqual(['cancelled', 'not_waiting']);
    });
    fact('G12 a waiting run keeps its key', async () => {
      const run = await waiting({ idempotencyKey: 'k' });
      await h.clock.advance(3 * DAY_MS);
      const [again] = await h.store.submit([newRun({ idempotencyKey: 'k', waits: 'approval' })]);
      expect(again).toMatchObject({ outcome: 'deduplicated', run: { id: run.id } });
    });
    fact('a schedule may start a run that waits', async () => {
      const outcome = await h.store.advance({
        schedule: 'weekly',
        expectedWatermark: null,
        watermark: new Date(h.clock.now()).toISOString(),
        runs: [newRun({ waits: 'approval' })],
        skips: [],
      });
      expect(outcome).toMatchObject({
        outcome: 'advanced',
        runs: [{ outcome: 'accepted', run: { state: 'waiting' } }],
      });
    });
    fact('a run that nobody approved for 7 days is cancelled, some at a sweep, and the audit says so', async () => {
      const runs = await h.store.submit(Array.from({ length: 201 }, () => newRun({ waits: 'approval' })));
      await h.clock.advance(DAY_MS);
      const young = await waiting();
      await h.clock.advance(6 * DAY_MS - 1);
      await h.store.sweep();
      expect(await h.store.count({})).toMatchObject({ waiting: 202 });
      await h.clock.advance(1);
      await h.store.sweep();
      expect(await h.store.count({})).toMatchObject({ waiting: 2, cancelled: 200 });
      await h.store.sweep();
      expect(await h.store.count({})).toMatchObject({ waiting: 1, cancelled: runs.length });
      expect(await h.store.get(young.id)).toMatchObject({ state: 'waiting' });
      const cancels = (await h.audit()).filter(({ act }) => act === 'cancel');
      expect(cancels).toHaveLength(runs.length);
      expect(cancels[0]).toMatchObject({ actor: { kind: 'system' }, note: 'nobody approved it for 7 days' });
    });
  });
}
