/** Counting what a run used up while it goes on, so that no crash and no cancel loses it. */
import { describe, expect } from 'vitest';
import type { Run } from '../../src/store/records.ts';
import { accept, ana, claimOne } from '../support/store-harness.ts';
import type { Suite } from './store.ts';

const DAY = 'usd.day.2026-11-22';
const MONTH = 'usd.month.2026-11';
const GONE = 'run_00000000000000000000000000';

export function describeCharge({ fact, h, reopenWith }: Suite): void {
  const reserve = (run: Pick<Run, 'id'>, amount: number, cap = 100) =>
    h.store.reserve({ runId: run.id, counters: [{ key: DAY, amount, cap }] });
  const charge = (run: Pick<Run, 'id'>, amount: number) =>
    h.store.charge({ runId: run.id, spend: [{ key: DAY, amount }] });
  const counter = async (key = DAY) => (await h.store.getDoc('ledger', key))?.value;

  describe('charging', () => {
    fact('what is charged comes out of what the run holds, and never raises it', async () => {
      const [run, other] = [await accept(h.store), await accept(h.store)];
      await reserve(run, 60);
      await reserve(other, 20);
      await charge(run, 25);
      expect(await counter()).toEqual({ used: 25, held: { [run.id]: 35, [other.id]: 20 } });
      await charge(run, 50);
      expect(await counter()).toEqual({ used: 75, held: { [run.id]: 0, [other.id]: 20 } });
      await charge(run, 10);
      expect(await counter()).toEqual({ used: 85, held: { [run.id]: 0, [other.id]: 20 } });
      expect(await reserve(await accept(h.store), 1, 105)).toMatchObject({ outcome: 'refused', used: 85, held: 20 });
    });
    fact('several counters and documents are one commit, also after a crash', async () => {
      const run = await accept(h.store);
      await reserve(run, 60);
      const spend = [
        { key: DAY, amount: 5 },
        { key: DAY, amount: 6 },
        { key: MONTH, amount: 11 },
      ];
      const docs = [
        { kind: 'agent-run', key: run.id, value: { pending: 7 }, runId: run.id },
        { kind: 'allowance', key: 'weekly', value: null },
      ];
      await h.store.charge({ runId: run.id, spend, docs });
      await h.store.charge({ runId: run.id, spend: [], docs: [{ kind: 'agent-run', key: run.id, value: 2 }] });
      await h.reopen('crash');
      expect([await counter(), await counter(MONTH)]).toEqual([
        { used: 11, held: { [run.id]: 49 } },
        { used: 11, held: {} },
      ]);
      expect(await h.store.getDoc('agent-run', run.id)).toMatchObject({ rev: 2, value: 2, runId: run.id });
      expect(await h.store.getDoc('allowance', 'weekly')).toMatchObject({ value: null });
    });
    fact('a run that is over, gone or unknown is charged too, and holds nothing by it', async () => {
      const [over, gone] = [await accept(h.store), await accept(h.store)];
      for (const run of [over, gone]) await reserve(run, 10);
      await h.store.cancel(over.id, ana);
      await h.store.remove(gone.id, ana);
      for (const id of [over.id, gone.id, GONE]) await charge({ id }, 7);
      expect(await counter()).toEqual({ used: 21, held: {} });
    });
    fact('of a run that is gone only the money is counted: no document is made that nobody would remove', async () => {
      const run = await accept(h.store);
      await h.store.remove(run.id, ana);
      for (const { id } of [run, { id: GONE }]) {
        const docs = [{ kind: 'agent-run', key: id, value: 1, runId: id }];
        await h.store.charge({ runId: id, spend: [{ key: DAY, amount: 1 }], docs });
        expect(await h.store.getDoc('agent-run', id)).toBeUndefined();
      }
      expect(await counter()).toEqual({ used: 2, held: {} });
    });
    fact('charges at once add up, beside reserves, settles, cancels and removals of the same runs', async () => {
      await Promise.all(Array.from({ length: 10 }, () => accept(h.store)));
      const claimed = await Promise.all(Array.from({ length: 10 }, () => claimOne(h.store)));
      await Promise.all(
        claimed.flatMap(({ run, lease }, n) => [
          h.store.reserve({
            runId: run.id,
            counters: [
              { key: MONTH, amount: 5, cap: 1e6 },
              { key: DAY, amount: 5, cap: 1e6 },
            ],
          }),
          h.store.charge({
            runId: run.id,
            spend: [
              { key: DAY, amount: 1 },
              { key: MONTH, amount: 2 },
            ],
            docs: [{ kind: 'agent-run', key: run.id, value: n, runId: run.id }],
          }),
          n % 2 === 0
            ? h.store.settle([{ lease, end: 'completed', spend: [{ key: MONTH, amount: 1 }] }])
            : h.store.cancel(run.id, ana),
          h.store.charge({ runId: run.id, spend: [{ key: DAY, amount: 10 }] }),
          h.store.remove(run.id, ana),
        ]),
      );
      expect([await counter(), await counter(MONTH)]).toEqual([
        { used: 110, held: {} },
        { used: 25, held: {} },
      ]);
      expect((await h.store.listDocs('agent-run', {})).items).toEqual([]);
    });
    fact(
      'what cannot be charged changes nothing: too much, too large, no whole number, kept by the store',
      async () => {
        await reopenWith({ maxDocBytes: 2000 });
        const run = await accept(h.store);
        await reserve(run, 60);
        const spend = [{ key: DAY, amount: 1 }];
        const many = Array.from({ length: 21 }, (_, n) => ({ kind: 'state', key: `k${n}`, value: n }));
        const invalid = [
          { spend: many.map(({ key }) => ({ key, amount: 1 })) },
          { spend, docs: many },
          { spend, docs: [many[0], many[0]].flatMap((doc) => doc ?? []) },
          { spend, docs: [{ kind: 'ledger', key: MONTH, value: { used: 0, held: {} } }] },
          { spend, docs: [{ kind: 'notice', key: 'n', value: 1 }] },
          { spend: [...spend, { key: '../x', amount: 1 }] },
          ...[-1, 0.5, Number.NaN, 2 ** 60].map((amount) => ({ spend: [...spend, { key: MONTH, amount }] })),
        ];
        for (const one of invalid) {
          await expect(h.store.charge({ runId: run.id, ...one })).rejects.toMatchObject({ code: 'INPUT_INVALID' });
        }
        await expect(h.store.charge({ runId: 'no id', spend })).rejects.toMatchObject({ code: 'INPUT_INVALID' });
        const large = [{ kind: 'state', key: 'large', value: 'x'.repeat(2000) }];
        await expect(h.store.charge({ runId: run.id, spend, docs: large })).rejects.toMatchObject({
          code: 'TOO_LARGE',
        });
        expect(await counter()).toEqual({ used: 0, held: { [run.id]: 60 } });
        expect((await h.store.listDocs('state', {})).items).toEqual([]);
      },
    );
    fact('a counter is forgotten when it was said to be, whoever said it', async () => {
      const run = await accept(h.store);
      const expiresAt = new Date(h.clock.now() + 1000).toISOString();
      await h.store.charge({ runId: run.id, spend: [{ key: DAY, amount: 1, expiresAt }] });
      await charge(run, 1);
      expect(await h.store.getDoc('ledger', DAY)).toMatchObject({ expiresAt, value: { used: 2 } });
      await h.clock.advance(1000);
      await h.store.sweep();
      expect(await counter()).toBeUndefined();
    });
  });
}
