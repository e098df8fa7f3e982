/** Pausing a queue, and what goes on meanwhile. */
import { describe, expect } from 'vitest';
import { accept, ana, claimOne, wanting } from '../support/store-harness.ts';
import type { Suite } from './store.ts';

const QUEUE = 'weekly-report';

export function describeQueues({ fact, h }: Suite): void {
  describe('queues', () => {
    fact('G15 no claim takes a run of a paused queue; submits are accepted, and what runs goes on', async () => {
      await accept(h.store);
      const running = await claimOne(h.store);
      expect(await h.store.pause(QUEUE, ana)).toEqual({ outcome: 'paused' });
      expect(await h.store.pause(QUEUE, ana)).toEqual({ outcome: 'already_paused' });
      await accept(h.store);
      const other = await accept(h.store, { queue: 'other' });
      expect(h.store.nextDue('run')).toBe(other.runAt);
      const queues = [QUEUE, 'other'].map((name) => ({ name, limit: 10 }));
      expect((await h.store.claim(wanting({ queues }))).map((one) => one.run.id)).toEqual([other.id]);
      expect(h.store.nextDue('run')).toBeUndefined();
      expect(await h.store.heartbeat([{ lease: running.lease, leaseMs: 1000 }])).toEqual({ lost: [], cancelled: [] });
      expect(await h.store.settle([{ lease: running.lease, end: 'completed' }])).toMatchObject([
        { outcome: 'settled' },
      ]);
    });
    fact('what could be claimed of a queue now is counted; what is paused, claimed or due later is not', async () => {
      const due = (): number => h.store.countDue({ queue: QUEUE });
      await accept(h.store);
      await accept(h.store);
      await accept(h.store, { queue: 'other' });
      await accept(h.store, { runAt: new Date(h.clock.now() + 1000).toISOString() });
      expect([due(), h.store.countDue({ queue: 'nothing' })]).toEqual([2, 0]);
      await claimOne(h.store);
      expect(due()).toBe(1);
      await h.clock.advance(1000);
      expect(due()).toBe(2);
      await h.store.pause(QUEUE, ana);
      expect(due()).toBe(0);
    });
    fact('G15 resuming makes the backlog claimable in its order', async () => {
      await h.store.pause(QUEUE, ana);
      const first = await accept(h.store);
      const second = await accept(h.store, { priority: 1 });
      expect(await h.store.resume(QUEUE, ana)).toEqual({ outcome: 'resumed' });
      expect(await h.store.resume(QUEUE, ana)).toEqual({ outcome: 'not_paused' });
      expect((await h.store.claim(wanting())).map((one) => one.run.id)).toEqual([second.id, first.id]);
    });
    fact('G15 a pause survives a crash, and says who paused and since when', async () => {
      const since = new Date(h.clock.now()).toISOString();
      await h.store.pause('a queue / of any name', ana);
      await h.store.pause(QUEUE, ana);
      await accept(h.store);
      await h.reopen('crash');
      expect(await h.store.pausedQueues()).toEqual([
        { name: 'a queue / of any name', since, by: ana },
        { name: QUEUE, since, by: ana },
      ]);
      expect(await h.store.claim(wanting())).toEqual([]);
    });
    fact('G11 queues with weights share a claim, and inside a queue the order holds', async () => {
      const a = await Promise.all([accept(h.store, { queue: 'a' }), accept(h.store, { queue: 'a', priority: 5 })]);
      const b = await Promise.all([accept(h.store, { queue: 'b', priority: 100 }), accept(h.store, { queue: 'b' })]);
      const queues = [
        { name: 'a', limit: 9, weight: 1 },
        { name: 'b', limit: 9, weight: 1 },
      ];
      const claimed = await h.store.claim(wanting({ queues }));
      expect(claimed.map((one) => one.run.id)).toEqual([a[1]?.id, b[0]?.id, a[0]?.id, b[1]?.id]);
    });
    fact('pauses at the same moment all hold, and each leaves its audit entry', async () => {
      const names = ['a', 'b', 'c', 'd'];
      await Promise.all(names.map((name) => h.store.pause(name, ana)));
      await h.store.resume('b', ana);
      expect((await h.store.pausedQueues()).map((one) => one.name)).toEqual(['a', 'c', 'd']);
      await h.store.close();
      const acts = (await h.audit()).map((one) => `${one.act} ${one.queue}`);
      expect(new Set(acts)).toEqual(new Set([...names.map((name) => `pause ${name}`), 'resume b']));
    });
    fact('what the store keeps in documents is written by its own verbs only', async () => {
      const put = h.store.putDoc({ kind: 'queues', key: 'paused', rev: 0, value: { paused: [] } });
      await expect(put).rejects.toMatchObject({ code: 'INPUT_INVALID' });
      await expect(h.store.removeDoc('ledger', '2026-11')).rejects.toMatchObject({ code: 'INPUT_INVALID' });
    });
  });
}
