/** Documents that are removed with their run. */
import { describe, expect } from 'vitest';
import type { Run } from '../../src/store/records.ts';
import { accept, ana, claimOne } from '../support/store-harness.ts';
import type { Suite } from './store.ts';

const GONE = 'run_00000000000000000000000000';

export function describeDocOwners({ fact, h, reopenWith }: Suite): void {
  const settled = async (keys: readonly string[]): Promise<Run> => {
    await accept(h.store);
    const { run, lease } = await claimOne(h.store);
    const docs = keys.map((key) => ({ kind: 'memory', key, rev: 0, value: key, runId: run.id }));
    expect(await h.store.settle([{ lease, end: 'completed', docs }])).toMatchObject([{ outcome: 'settled' }]);
    return run;
  };
  const kept = async (): Promise<string[]> => (await h.store.listDocs('memory', {})).items.map(({ key }) => key);

  describe('documents of a run', () => {
    fact('go with the run that is removed, and no others', async () => {
      const [run] = [await settled(['a', 'b']), await settled(['c'])];
      await h.store.putDoc({ kind: 'memory', key: 'd', rev: 0, value: 1 });
      await h.store.putDoc({ kind: 'memory', key: 'e', rev: 0, value: 1, runId: run.id });
      await h.store.remove(run.id, ana);
      expect(await kept()).toEqual(['c', 'd']);
    });
    fact('go and stay with their run over a crash and a close: never one without the other', async () => {
      const [run, other] = [await settled(['a', 'b']), await settled(['c'])];
      await h.reopen('crash');
      await h.store.remove(run.id, ana);
      await h.reopen('crash');
      expect(await kept()).toEqual(['c']);
      await h.reopen('clean');
      await h.store.remove(other.id, ana);
      await h.reopen('clean');
      expect(await kept()).toEqual([]);
    });
    fact('G18 go with the run that is not kept any longer', async () => {
      await reopenWith({ retainMs: 1000 });
      await settled(['a']);
      await h.clock.advance(2000);
      await h.store.sweep();
      expect([(await h.store.list({})).items, await kept()]).toEqual([[], []]);
    });
    fact('stay with their run when somebody rewrites them without saying whose they are', async () => {
      const run = await settled(['a']);
      const rewritten = await h.store.putDoc({ kind: 'memory', key: 'a', rev: 1, value: 'done' });
      expect(rewritten).toMatchObject({ outcome: 'stored', doc: { rev: 2, runId: run.id } });
      await accept(h.store);
      const { lease } = await claimOne(h.store);
      await h.store.settle([{ lease, end: 'completed', docs: [{ kind: 'memory', key: 'a', rev: 2, value: 'seen' }] }]);
      expect(await h.store.getDoc('memory', 'a')).toMatchObject({ rev: 3, value: 'seen', runId: run.id });
      await h.store.remove(run.id, ana);
      expect(await kept()).toEqual([]);
    });
    fact('may be changed by the settle of another run, which then says whose they are', async () => {
      const run = await settled(['a']);
      await accept(h.store);
      const { lease } = await claimOne(h.store);
      const docs = [{ kind: 'memory', key: 'a', rev: 1, value: 'seen', runId: run.id }];
      expect(await h.store.settle([{ lease, end: 'completed', docs }])).toMatchObject([{ outcome: 'settled' }]);
      await h.store.remove(run.id, ana);
      expect(await kept()).toEqual([]);
    });
    fact('are refused for a run that is not there, and for another one than their own', async () => {
      const run = await settled(['a']);
      const put = { kind: 'memory', key: 'x', rev: 0, value: 1 };
      await expect(h.store.putDoc({ ...put, runId: GONE })).rejects.toMatchObject({ code: 'RUN_UNKNOWN' });
      await expect(h.store.putDoc({ ...put, rev: 7, runId: GONE })).resolves.toMatchObject({ outcome: 'conflict' });
      await accept(h.store);
      const { lease } = await claimOne(h.store);
      const docs = [{ ...put, runId: run.id }];
      await expect(h.store.settle([{ lease, end: 'completed', docs }])).rejects.toMatchObject({
        code: 'INPUT_INVALID',
      });
      await expect(h.store.charge({ runId: lease.runId, spend: [], docs })).rejects.toMatchObject({
        code: 'INPUT_INVALID',
      });
      expect(await kept()).toEqual(['a']);
      const late = [{ kind: 'memory', key: 'x', value: 1, runId: GONE }];
      expect(await h.store.settle([{ lease, end: 'completed', docs: late }])).toMatchObject([{ outcome: 'settled' }]);
      expect(await kept()).toEqual(['a']);
    });
    fact('are not left behind by a removal that comes at the same moment, whichever is first', async () => {
      for (const removeFirst of [true, false]) {
        const run = await accept(h.store);
        const { lease } = await claimOne(h.store);
        const put = (key: string) => h.store.putDoc({ kind: 'memory', key, rev: 0, value: 1, runId: run.id });
        const docs = [{ kind: 'memory', key: 's', value: 1, runId: run.id }];
        const writes = () => [
          put('p'),
          h.store.settle([{ lease, end: 'completed', docs }]),
          h.store.charge({ runId: run.id, spend: [], docs: [{ kind: 'memory', key: 'c', value: 1, runId: run.id }] }),
          put('q'),
        ];
        const before = removeFirst ? [] : writes();
        const removal = h.store.remove(run.id, ana);
        const after = removeFirst ? writes() : [];
        const ends = await Promise.allSettled([...before, ...after]);
        expect(await removal).toMatchObject({ outcome: 'removed' });
        const errors = ends.flatMap((one): unknown[] => (one.status === 'rejected' ? [one.reason] : []));
        for (const error of errors) expect(error).toMatchObject({ code: 'RUN_UNKNOWN' });
        expect(errors).toHaveLength(removeFirst ? 2 : 0);
        expect(await kept(), `removed first: ${removeFirst}`).toEqual([]);
      }
    });
    fact('are not made again by a button that is pressed at any moment of the removal', async () => {
      const outcomes = new Set<string>();
      for (let moment = 0; moment < 30; moment++) {
        const run = await settled(['a']);
        const removal = h.store.remove(run.id, ana);
        for (let n = 0; n < moment; n++) await Promise.resolve();
        const { outcome } = await h.store.putDoc({ kind: 'memory', key: 'a', rev: 1, value: 'done' });
        outcomes.add(outcome);
        await removal;
        expect(await kept(), `moment ${moment}`).toEqual([]);
      }
      expect([...outcomes].toSorted()).toEqual(['conflict', 'stored']);
    });
    fact('a run may have a hundred of them', async () => {
      const run = await accept(h.store);
      const put = (n: number) => h.store.putDoc({ kind: 'memory', key: `k${n}`, rev: 0, value: n, runId: run.id });
      for (let n = 0; n < 100; n++) await put(n);
      await expect(put(100)).rejects.toMatchObject({ code: 'TOO_LARGE' });
      expect(await h.store.putDoc({ kind: 'memory', key: 'k7', rev: 1, value: 0, runId: run.id })).toMatchObject({
        outcome: 'stored',
      });
      await h.store.removeDoc('memory', 'k0');
      expect(await put(100)).toMatchObject({ outcome: 'stored' });
      await h.store.remove(run.id, ana);
      expect(await kept()).toEqual([]);
    });
  });
}
