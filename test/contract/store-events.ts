/** The feed over restarts. */
import { describe, expect } from 'vitest';
import type { StoreEvent } from '../../src/store/records.ts';
import type { Store } from '../../src/store/store.ts';
import { accept, ana } from '../support/store-harness.ts';
import type { Suite } from './store.ts';

let watches = 0;

/** Everything after `from`; ends at an event that is made for this. */
async function since(store: Store, from: number): Promise<StoreEvent[]> {
  const end = `end-of-watch-${++watches}`;
  const stop = new AbortController();
  const events: StoreEvent[] = [];
  const feed = store.watch(from, stop.signal);
  await store.pause(end, ana);
  for await (const event of feed) {
    if (event.queue === end || event.type === 'resync') return event.queue === end ? events : [event];
    if (event.type !== 'queue') events.push(event);
  }
  throw new Error('the feed ended');
}

export function describeEvents({ fact, h, reopenWith, report, completed }: Suite): void {
  describe('the feed over restarts', () => {
    const first = async (): Promise<StoreEvent> => {
      const stop = new AbortController();
      const feed = h.store.watch('now', stop.signal);
      await accept(h.store);
      for await (const event of feed) return event;
      throw new Error('the feed ended');
    };
    for (const how of ['crash', 'clean'] as const) {
      fact(
        `G19 a watcher goes on where it was after a restart (${how}): nothing is missing or numbered anew`,
        async () => {
          const seen = await first();
          await completed([report()]);
          await accept(h.store);
          const before = await since(h.store, seen.seq);
          expect(before.map((one) => one.state)).toEqual(['running', 'completed', 'pending', 'queued']);
          await h.reopen(how);
          expect(await since(h.store, seen.seq)).toEqual(before);
          await h.reopen(how);
          await accept(h.store);
          const after = await since(h.store, seen.seq);
          expect(after.slice(0, 4)).toEqual(before);
          expect(after).toHaveLength(5);
          expect(after[4]?.seq).toBeGreaterThan(before[3]?.seq ?? 0);
        },
      );
    }
    fact('G19 a clock that went back over a restart makes no number twice', async () => {
      const seen = await first();
      await h.reopen('crash');
      h.clock.step(-3_600_000);
      await h.reopen('crash');
      const next = await first();
      expect(next.seq).toBeGreaterThan(seen.seq);
    });
    fact('G19 a position whose events are too old becomes a resync, before a restart and after it', async () => {
      await reopenWith({ eventsKeepMs: 60_000 });
      const seen = await first();
      await accept(h.store);
      await h.clock.advance(60_001);
      await h.store.sweep();
      expect(await since(h.store, seen.seq)).toMatchObject([{ type: 'resync' }]);
    });
    fact('G19 a position whose events were pruned while the store was closed becomes a resync', async () => {
      const seen = await first();
      await accept(h.store);
      h.clock.step(8 * 24 * 3_600_000);
      await h.reopen('crash');
      expect(await since(h.store, seen.seq)).toMatchObject([{ type: 'resync' }]);
    });
  });
}
