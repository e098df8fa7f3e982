/** Accepting runs, and the keys that keep them from being accepted twice. */
import { describe, expect } from 'vitest';
import type { Destination } from '../../src/store/destinations.ts';
import { accept, ana, claimOne, newRun } from '../support/store-harness.ts';
import type { Suite } from './store.ts';

export function describeRuns({ fact, h, reopenWith, completed }: Suite): void {
  describe('accepting', () => {
    fact('G1 an accepted run is read back as it was given', async () => {
      const run = await accept(h.store, {
        input: { a: [1, null, 'ü'] },
        priority: 5,
        origin: { kind: 'slack', channel: 'C1X' },
      });
      expect(run).toMatchObject({
        state: 'queued',
        rev: 1,
        priority: 5,
        input: { a: [1, null, 'ü'] },
        attemptsUsed: 0,
      });
      expect(await h.store.get(run.id)).toEqual(run);
    });
    fact('a run keeps the due time it stands for and where its report goes, and lists name its schedule', async () => {
      const slot = '2026-11-23T08:00:00.000Z';
      const late = { ms: 5_000, reason: 'Bellhop was down' };
      const schedule = { name: 'weekly-report', slot, zone: 'Europe/Berlin', late };
      const destinations = [{ kind: 'email', to: 'ana@example.com' }] as const;
      const run = await accept(h.store, { trigger: 'schedule', schedule, destinations });
      expect(run).toMatchObject({ schedule, destinations });
      expect(await h.store.get(run.id)).toEqual(run);
      const [item] = (await h.store.list({})).items;
      expect(item?.schedule).toEqual({ name: 'weekly-report', slot });
      await h.store.remove(run.id, ana);
    });
    fact('what was not sent is kept with the outcome and with its reason', async () => {
      const run = await accept(h.store);
      const { lease } = await claimOne(h.store);
      const destination: Destination = { kind: 'slack', channel: '#sales', attach: ['csv'], onlyIf: 'changed' };
      const withheld = [{ destination, reason: 'it is the same as the report before it' }];
      const [outcome] = await h.store.settle([{ lease, end: 'completed', withheld }]);
      expect(outcome).toMatchObject({ outcome: 'settled', run: { withheld, deliveries: [] } });
      expect(await h.store.get(run.id)).toMatchObject({ state: 'completed', withheld });
      expect(await h.store.deliveries(run.id)).toEqual([]);
    });
    fact('what was withheld is one commit with the outcome: after a crash both are there', async () => {
      const run = await accept(h.store);
      const { lease } = await claimOne(h.store);
      const withheld = [{ destination: { kind: 'email', to: 'ana@example.com' } as const, reason: 'it is empty' }];
      await h.store.settle([{ lease, end: 'completed', withheld }]);
      await h.reopen('crash');
      expect(await h.store.get(run.id)).toMatchObject({ state: 'completed', withheld });
    });
    fact('an outcome that withholds more than a run may have is refused, and the run is as it was', async () => {
      await accept(h.store);
      const { run, lease } = await claimOne(h.store);
      const one = { destination: { kind: 'slack', channel: '#sales' } as const, reason: 'no' };
      const tooMany = Array.from({ length: 21 }, () => one);
      await expect(h.store.settle([{ lease, end: 'completed', withheld: tooMany }])).rejects.toMatchObject({
        code: 'INPUT_INVALID',
      });
      expect(await h.store.get(run.id)).toEqual(run);
    });
    fact('a run takes the id that its caller minted, once', async () => {
      const id = h.ids.next('run');
      expect((await accept(h.store, { id })).id).toBe(id);
      const twice = async (): Promise<unknown> => h.store.submit([newRun({ id })]);
      await expect(twice()).rejects.toMatchObject({ code: 'INPUT_INVALID' });
      await completed();
      await expect(twice()).rejects.toMatchObject({ code: 'INPUT_INVALID' });
      const other = h.ids.next('run');
      const both = [newRun({ id: other }), newRun({ id: other })];
      await expect(h.store.submit(both)).rejects.toMatchObject({ code: 'INPUT_INVALID' });
      const raced = await Promise.allSettled([1, 2, 3].map(() => h.store.submit([newRun({ id: other })])));
      expect(raced.filter((one) => one.status === 'fulfilled')).toHaveLength(1);
      await expect(h.store.submit([newRun({ id: 'run_x' })])).rejects.toMatchObject({ code: 'INPUT_INVALID' });
      expect((await h.store.list({})).items.map((one) => one.id)).toEqual([other, id]);
    });
    fact('G1 an accepted run survives a crash', async () => {
      const run = await accept(h.store);
      await h.reopen('crash');
      expect(await h.store.get(run.id)).toEqual(run);
      expect((await h.store.list({})).items).toHaveLength(1);
    });
    fact('G1 an accepted run survives a close', async () => {
      const run = await accept(h.store);
      await h.reopen('clean');
      expect(await h.store.get(run.id)).toEqual(run);
      expect(h.report).toMatchObject({ rebuilt: false, runs: 1, quarantined: [] });
    });
    fact('G2 a batch of which one run is invalid is refused whole', async () => {
      const batch = h.store.submit([newRun(), newRun({ job: 'Not A Job' }), newRun()]);
      await expect(batch).rejects.toMatchObject({ code: 'INPUT_INVALID' });
      expect(await h.store.list({})).toEqual({ items: [] });
    });
    fact('G2 a batch that names a key twice makes one run of it', async () => {
      const outcomes = await h.store.submit([
        newRun({ idempotencyKey: 'k' }),
        newRun({ idempotencyKey: 'k' }),
        newRun({ idempotencyKey: 'k', queue: 'other' }),
      ]);
      expect(outcomes.map((one) => one.outcome)).toEqual(['accepted', 'deduplicated', 'accepted']);
      expect(outcomes[1]).toMatchObject({ run: { id: outcomes[0]?.outcome === 'accepted' && outcomes[0].run.id } });
    });
    fact('G20 a run beyond the limit of unfinished ones is refused and not stored', async () => {
      await reopenWith({ maxUnfinished: 2 });
      const outcomes = await h.store.submit([newRun(), newRun(), newRun()]);
      expect(outcomes.map((one) => one.outcome)).toEqual(['accepted', 'accepted', 'queue_full']);
      expect(await h.store.count({})).toMatchObject({ queued: 2 });
      await completed();
      expect((await h.store.submit([newRun()]))[0]).toMatchObject({ outcome: 'accepted' });
    });
    fact('G20 an input over its limit is refused before any write', async () => {
      await reopenWith({ maxInputBytes: 100 });
      const [outcome] = await h.store.submit([newRun({ input: 'x'.repeat(99) })]);
      expect(outcome).toEqual({ outcome: 'too_large', bytes: 101, limit: 100 });
      expect((await h.store.list({})).items).toEqual([]);
      expect(await h.audit()).toEqual([]);
    });
    fact('G20 an outcome over the limit of a run changes nothing, and the lease stays current', async () => {
      await reopenWith({ maxRunBytes: 3000 });
      await accept(h.store);
      const { lease, run } = await claimOne(h.store);
      const [outcome] = await h.store.settle([{ lease, end: 'completed', result: 'x'.repeat(4000) }]);
      expect(outcome).toMatchObject({ outcome: 'too_large', limit: 3000 });
      expect(await h.store.get(run.id)).toEqual(run);
      expect((await h.store.settle([{ lease, end: 'completed' }]))[0]?.outcome).toBe('settled');
    });
    fact('a run that does not fit the schema is refused by name and not stored', async () => {
      await expect(h.store.submit([newRun({ job: 'Not Kebab' })])).rejects.toMatchObject({ code: 'INPUT_INVALID' });
      expect((await h.store.list({})).items).toEqual([]);
    });
    fact('what the store hands out cannot be used to change the store', async () => {
      const input = { week: 47 };
      const run = await accept(h.store, { input });
      input.week = 1;
      expect(() => Object.assign(run, { state: 'completed' })).toThrow(TypeError);
      expect(await h.store.get(run.id)).toMatchObject({ state: 'queued', input: { week: 47 } });
    });
  });
  describe('idempotency keys', () => {
    fact('G12 a hundred submits with one key at once create one run', async () => {
      const outcomes = await Promise.all(
        Array.from({ length: 100 }, () => h.store.submit([newRun({ idempotencyKey: 'slack-1' })])),
      );
      const ids = new Set(outcomes.flat().map((one) => ('run' in one ? one.run.id : one.outcome)));
      expect(ids.size).toBe(1);
      expect(outcomes.flat().filter((one) => one.outcome === 'accepted')).toHaveLength(1);
      expect((await h.store.list({})).items).toHaveLength(1);
    });
    fact('G12 a key holds for 24 hours after acceptance, whatever the state of its run', async () => {
      const first = await accept(h.store, { idempotencyKey: 'k' });
      await completed();
      await h.clock.advance(24 * 3_600_000 - 1);
      expect((await h.store.submit([newRun({ idempotencyKey: 'k' })]))[0]).toMatchObject({
        outcome: 'deduplicated',
        run: { id: first.id, state: 'completed' },
      });
      await h.clock.advance(1);
      expect((await h.store.submit([newRun({ idempotencyKey: 'k' })]))[0]).toMatchObject({ outcome: 'accepted' });
    });
    fact('G12 a key holds while its run is unfinished, however long that takes', async () => {
      const first = await accept(h.store, { idempotencyKey: 'k' });
      await h.clock.advance(72 * 3_600_000);
      await h.store.sweep();
      const [again] = await h.store.submit([newRun({ idempotencyKey: 'k' })]);
      expect(again).toMatchObject({ outcome: 'deduplicated', run: { id: first.id } });
    });
    fact('G12 two queues may use the same key', async () => {
      await accept(h.store, { idempotencyKey: 'k' });
      const [other] = await h.store.submit([newRun({ idempotencyKey: 'k', queue: 'other' })]);
      expect(other).toMatchObject({ outcome: 'accepted' });
    });
    fact('G12 a key survives a crash', async () => {
      const first = await accept(h.store, { idempotencyKey: 'k' });
      await h.reopen('crash');
      expect((await h.store.submit([newRun({ idempotencyKey: 'k' })]))[0]).toMatchObject({
        outcome: 'deduplicated',
        run: { id: first.id },
      });
    });
    fact('G12 a removed run keeps its key until the window ends, and nothing of its contents', async () => {
      const first = await accept(h.store, { idempotencyKey: 'k', input: 'private words' });
      await h.store.remove(first.id, ana);
      const [again] = await h.store.submit([newRun({ idempotencyKey: 'k' })]);
      expect(again).toMatchObject({ outcome: 'deduplicated', run: { id: first.id, input: null } });
      await h.clock.advance(24 * 3_600_000);
      await h.store.sweep();
      expect((await h.store.submit([newRun({ idempotencyKey: 'k' })]))[0]).toMatchObject({ outcome: 'accepted' });
    });
    fact('G12 a removed run keeps its key over a crash and a close', async () => {
      const first = await accept(h.store, { idempotencyKey: 'k' });
      await h.store.remove(first.id, ana);
      for (const how of ['crash', 'clean'] as const) {
        await h.reopen(how);
        expect(await h.store.get(first.id)).toBeUndefined();
        const [again] = await h.store.submit([newRun({ idempotencyKey: 'k' })]);
        expect(again).toMatchObject({ outcome: 'deduplicated', run: { id: first.id } });
      }
    });
  });
}
