import type { Clock, Timer } from '../../src/clock.ts';

export interface ManualClock extends Clock {
  /** Moves time on by `ms`, firing every timer and sleep that falls due, in order, letting promises settle between them. */
  advance(ms: number): Promise<void>;
  /** Steps the wall clock without letting time pass. */
  step(ms: number): void;
}

interface Entry {
  at: number;
  order: number;
  everyMs: number | undefined;
  fn: () => void;
}

/** A clock that stands still until it is told to move; starts on Monday 2026-11-23 09:00 UTC. */
export function manualClock(startMs = Date.UTC(2026, 10, 23, 9)): ManualClock {
  let elapsed = 0;
  let offset = startMs;
  let order = 0;
  const entries = new Set<Entry>();

  function add(ms: number, fn: () => void, everyMs?: number): Timer {
    const entry: Entry = { at: elapsed + Math.max(0, ms), order: order++, everyMs, fn };
    entries.add(entry);
    return { cancel: () => void entries.delete(entry) };
  }
  function nextDue(limit: number): Entry | undefined {
    let next: Entry | undefined;
    for (const entry of entries) {
      if (entry.at > limit) continue;
      if (next === undefined || entry.at < next.at || (entry.at === next.at && entry.order < next.order)) next = entry;
    }
    return next;
  }
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
  };

  return {
    now: () => offset + elapsed,
    monotonic: () => elapsed,
    after: (ms, fn) => add(ms, fn),
    every: (ms, fn) => add(ms, fn, ms),
    sleep(ms, signal) {
      return new Promise((resolve) => {
        if (signal?.aborted) return resolve();
        const timer = add(ms, done);
        function done(): void {
          timer.cancel();
          signal?.removeEventListener('abort', done);
          resolve();
        }
        signal?.addEventListener('abort', done, { once: true });
      });
    },
    step(ms) {
      offset += ms;
    },
    async advance(ms) {
      const end = elapsed + ms;
      await settle();
      for (let due = nextDue(end); due !== undefined; due = nextDue(end)) {
        elapsed = Math.max(elapsed, due.at);
        if (due.everyMs === undefined) entries.delete(due);
        else due.at += Math.max(1, due.everyMs);
        due.fn();
        await settle();
      }
      elapsed = end;
      await settle();
    },
  };
}
