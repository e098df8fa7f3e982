/** Moving a schedule on. */
import { describe, expect } from 'vitest';
import { z } from 'zod';
import type { Advance, NewSkip } from '../../src/store/store.ts';
import { accept, ana, newRun } from '../support/store-harness.ts';
import type { Suite } from './store.ts';

const at = (hour: number): string => new Date(Date.UTC(2026, 10, 23, hour)).toISOString();
const step = (over: Partial<Advance> = {}): Advance => ({
  schedule: 'weekly-report.0',
  expectedWatermark: null,
  watermark: at(9),
  runs: [newRun({ trigger: 'schedule' })],
  skips: [],
  ...over,
});
const lateReason = 'the server was down';

export function describeAdvance({ fact, h, reopenWith }: Suite): void {
  const state = async () => {
    const value = (await h.store.getDoc('schedule', 'weekly-report.0'))?.value;
    return value === undefined ? undefined : z.record(z.string(), z.json()).parse(value);
  };

  describe('schedules', () => {
    fact('G17 of many that advance one due time, one does, and one run exists', async () => {
      const outcomes = await Promise.all(Array.from({ length: 10 }, () => h.store.advance(step())));
      expect(outcomes.map((one) => one.outcome)).toEqual(['advanced', ...Array.from({ length: 9 }, () => 'stale')]);
      expect(outcomes[1]).toEqual({ outcome: 'stale', watermark: at(9) });
      expect((await h.store.list({})).items).toHaveLength(1);
    });
    fact('G17 the progress and what it started are there together after a crash', async () => {
      const skip = { from: at(7), to: at(8), count: 2, reason: lateReason };
      const advanced = await h.store.advance(step({ nextSlot: at(10), skips: [skip] }));
      expect(advanced).toMatchObject({ outcome: 'advanced', runs: [{ outcome: 'accepted' }] });
      await h.reopen('crash');
      expect(await state()).toEqual({ watermark: at(9), nextSlot: at(10), skips: [skip] });
      expect((await h.store.list({})).items).toMatchObject([{ trigger: 'schedule', state: 'queued' }]);
      expect(await h.store.advance(step())).toMatchObject({ outcome: 'stale' });
      const next = step({ expectedWatermark: at(9), watermark: at(10), nextSlot: null });
      expect(await h.store.advance(next)).toMatchObject({ outcome: 'advanced', doc: { rev: 2 } });
      expect(await state()).toMatchObject({ watermark: at(10), nextSlot: null, skips: [skip] });
    });
    fact('what else the document of a schedule holds stays as it is', async () => {
      const spec = { cron: '0 9 * * 1', zone: 'Europe/Berlin' };
      await h.store.putDoc({ kind: 'schedule', key: 'weekly-report.0', rev: 0, value: { spec } });
      await h.store.advance(step());
      expect(await state()).toEqual({ spec, watermark: at(9), skips: [] });
    });
    fact('a step sets fields of the planner with its runs, takes them away, and leaves what others wrote', async () => {
      const id = h.ids.next('run');
      const last = { slot: at(9), runId: id };
      const skipNext = { slot: at(9) };
      await h.store.putDoc({
        kind: 'schedule',
        key: 'weekly-report.0',
        rev: 0,
        value: { spec: { cron: 'x' }, skipNext },
      });
      await h.store.advance(step({ runs: [newRun({ id })], set: { last, skipNext: null } }));
      expect(await state()).toEqual({ spec: { cron: 'x' }, last, watermark: at(9), skips: [] });
      expect((await h.store.get(id))?.id).toBe(id);
    });
    fact('a step sets neither the spec nor what the store keeps itself', async () => {
      for (const name of ['spec', 'watermark', 'nextSlot', 'skips']) {
        const refused = h.store.advance(step({ set: { [name]: null } }));
        await expect(refused, name).rejects.toMatchObject({ code: 'INPUT_INVALID' });
      }
      expect((await h.store.list({})).items).toEqual([]);
      expect(await state()).toBeUndefined();
    });
    fact('a skip that joins makes the newest one longer, if its reason is the same', async () => {
      const skip = (hour: number, over: Partial<NewSkip> = {}): NewSkip => {
        return { from: at(hour), to: at(hour), count: 1, reason: lateReason, ...over };
      };
      await h.store.advance(
        step({ runs: [], watermark: at(2), skips: [skip(1, { joins: true }), skip(2, { joins: true })] }),
      );
      const more = [skip(3, { joins: true }), skip(4), skip(5, { joins: true, reason: 'paused' })];
      await h.store.advance(step({ runs: [], expectedWatermark: at(2), watermark: at(5), skips: more }));
      expect((await state())?.['skips']).toEqual([
        skip(1, { to: at(3), count: 3 }),
        skip(4),
        skip(5, { reason: 'paused' }),
      ]);
    });
    fact('an act is noted in the commit of what it did, and not without it', async () => {
      const audit = { actor: ana, act: 'resume', schedule: 'weekly-report.0' } as const;
      await h.store.advance(step({ runs: [], audit }));
      await h.store.advance(step({ runs: [], audit }));
      const doc = { kind: 'schedule', key: 'daily', value: {} } as const;
      await h.store.putDoc({ ...doc, rev: 0, audit: { actor: ana, act: 'schedule', schedule: 'daily' } });
      await h.store.putDoc({ ...doc, rev: 0, audit: { actor: ana, act: 'schedule', schedule: 'daily' } });
      for (let n = 0; n < 2; n++) {
        await h.store.removeDoc('schedule', 'daily', { actor: ana, act: 'unschedule', schedule: 'daily' });
      }
      await h.store.sweep();
      expect((await h.audit()).map(({ act, schedule }) => [act, schedule])).toEqual([
        ['resume', 'weekly-report.0'],
        ['schedule', 'daily'],
        ['unschedule', 'daily'],
      ]);
    });
    fact('a step whose run is refused changes nothing', async () => {
      await reopenWith({ maxUnfinished: 2 });
      await accept(h.store);
      const two = [newRun(), newRun()];
      expect(await h.store.advance(step({ runs: two }))).toEqual({ outcome: 'queue_full', limit: 2 });
      const invalid = step({ runs: [newRun(), newRun({ job: 'Not A Job' })] });
      await expect(h.store.advance(invalid)).rejects.toMatchObject({ code: 'INPUT_INVALID' });
      expect(await state()).toBeUndefined();
      expect((await h.store.list({})).items).toHaveLength(1);
    });
    fact('a run that exists under its key is not started again, and the schedule moves on', async () => {
      const run = await accept(h.store, { idempotencyKey: at(9) });
      const again = step({ runs: [newRun({ idempotencyKey: at(9) })] });
      expect(await h.store.advance(again)).toMatchObject({
        outcome: 'advanced',
        runs: [{ outcome: 'deduplicated', run: { id: run.id } }],
      });
      expect(await state()).toMatchObject({ watermark: at(9) });
    });
    fact('a schedule never moves back, nor starts anything where it stands', async () => {
      await h.store.advance(step());
      for (const watermark of [at(8), at(9)]) {
        const back = h.store.advance(step({ expectedWatermark: at(9), watermark }));
        await expect(back).rejects.toMatchObject({ code: 'INPUT_INVALID' });
      }
      const planned = step({ expectedWatermark: at(9), runs: [], nextSlot: at(12) });
      expect(await h.store.advance(planned)).toMatchObject({
        outcome: 'advanced',
        doc: { value: { nextSlot: at(12) } },
      });
      expect((await h.store.list({})).items).toHaveLength(1);
    });
  });
}
