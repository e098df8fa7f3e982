/**
 * The events in memory: a ring of the newest, read by any number of watchers at their own pace. A watcher holds only a position, so a
 * slow one costs nothing; when it falls behind the ring it is told to read the present state (`resync`).
 *
 * `seq` is max(last + 1, milliseconds * 1000): it grows over a restart without being stored, as long as the wall clock does not go
 * back over it; a position from a former life is older than everything in the ring, and so becomes a resync.
 */
import type { Clock } from '../clock.ts';
import { iso } from '../clock.ts';
import type { StoreEvent } from './records.ts';

export interface Feed {
  emit(event: Omit<StoreEvent, 'seq' | 'at'>): void;
  watch(sinceSeq: number | 'now', signal: AbortSignal): AsyncIterable<StoreEvent>;
  /** Ends all watchers. */
  end(): void;
}

/** Makes a feed that keeps the newest `size` events. */
export function createFeed(clock: Pick<Clock, 'now'>, size: number): Feed {
  let ring: StoreEvent[] = [];
  let last = clock.now() * 1000;
  /** Everything after this seq is in the ring. */
  let floor = last;
  const life = { ended: false };
  const waiters = new Set<() => void>();

  function emit(event: Omit<StoreEvent, 'seq' | 'at'>): void {
    const now = clock.now();
    last = Math.max(last + 1, now * 1000);
    ring.push({ seq: last, at: iso(now), ...event });
    // Trimmed in halves: amortised constant time.
    if (ring.length >= size * 2) {
      ring = ring.slice(-size);
      floor = (ring[0]?.seq ?? last) - 1;
    }
    wake();
  }
  function wake(): void {
    const woken = [...waiters];
    waiters.clear();
    for (const waiter of woken) waiter();
  }
  function changed(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal.aborted || life.ended) return resolve();
      const done = (): void => {
        waiters.delete(done);
        signal.removeEventListener('abort', done);
        resolve();
      };
      waiters.add(done);
      signal.addEventListener('abort', done, { once: true });
    });
  }
  async function* follow(from: number, signal: AbortSignal): AsyncGenerator<StoreEvent, void, undefined> {
    let position = from;
    while (!signal.aborted && !life.ended) {
      // A position beyond the newest event is from another life of the store, whose clock ran ahead.
      if (position < floor || position > last) {
        position = last;
        yield { seq: last, at: iso(clock.now()), type: 'resync' };
        continue;
      }
      const event = ring[firstAfter(ring, position)];
      if (event === undefined) await changed(signal);
      else {
        position = event.seq;
        yield event;
      }
    }
  }

  return {
    emit,
    // The position is taken now, not at the first read: nothing that happens after the call is missed.
    watch: (sinceSeq, signal) => follow(sinceSeq === 'now' ? last : sinceSeq, signal),
    end() {
      life.ended = true;
      wake();
    },
  };
}

/** The index of the first event after `seq`, by halving. */
function firstAfter(ring: readonly StoreEvent[], seq: number): number {
  let low = 0;
  let high = ring.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const event = ring[middle];
    if (event !== undefined && event.seq <= seq) low = middle + 1;
    else high = middle;
  }
  return low;
}
