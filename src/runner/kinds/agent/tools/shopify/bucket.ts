/** The points of a shop: a question waits until the bucket holds what it may cost. One bucket a store, for all that this process asks. */
import { z } from 'zod';
import type { Clock } from '../../../../../clock.ts';

export interface Bucket {
  /** Waits until the question fits, as far as that is known; takes its points. */
  room(document: string, signal: AbortSignal): Promise<void>;
  /** What an answer says that it cost, and what is left. */
  paid(document: string, cost: unknown): void;
  cost(document: string): number | undefined;
  /** Milliseconds until the question fits. */
  waitFor(document: string): number;
  /** Points that come back in a second, as far as that is known. */
  restores(): number;
}

const Cost = z.object({
  requestedQueryCost: z.number().nonnegative(),
  throttleStatus: z.object({
    maximumAvailable: z.number().positive(),
    currentlyAvailable: z.number(),
    restoreRate: z.number().positive(),
  }),
});

interface Level {
  maximum: number;
  /** At `at`, by the monotonic clock. */
  available: number;
  restorePerSecond: number;
  at: number;
  /** What a document may cost: the shop checks this, not what it cost in the end. */
  requested: Map<string, number>;
}

const MAX_STORES = 50;
const LONGEST_WAIT_MS = 30_000;
const levels = new WeakMap<Clock, Map<string, Level>>();

/** Of the documents there are few, so what they cost is kept by their text. */
export function createBucket(clock: Clock, store: string): Bucket {
  const level = levelOf(clock, store);

  function now(): number {
    const passed = Math.max(0, clock.monotonic() - level.at) / 1000;
    return Math.min(level.maximum, level.available + passed * level.restorePerSecond);
  }
  function waitFor(document: string): number {
    // A question above the maximum would be waited for until the end of days.
    const needed = Math.min(level.requested.get(document) ?? 0, level.maximum);
    const missing = needed - now();
    return missing <= 0 ? 0 : Math.min(LONGEST_WAIT_MS, Math.ceil((missing / level.restorePerSecond) * 1000));
  }
  return {
    waitFor,
    cost: (document) => level.requested.get(document),
    restores: () => level.restorePerSecond,
    async room(document, signal) {
      for (let wait = waitFor(document); wait > 0; wait = waitFor(document)) {
        await clock.sleep(wait, signal);
        signal.throwIfAborted();
      }
      // Taken before it is asked, so that questions side by side do not count on the same points.
      level.available = now() - (level.requested.get(document) ?? 0);
      level.at = clock.monotonic();
    },
    paid(document, cost) {
      const read = Cost.safeParse(cost);
      if (!read.success) return;
      const { requestedQueryCost, throttleStatus } = read.data;
      level.requested.set(document, requestedQueryCost);
      level.maximum = throttleStatus.maximumAvailable;
      level.available = throttleStatus.currentlyAvailable;
      level.restorePerSecond = throttleStatus.restoreRate;
      level.at = clock.monotonic();
    },
  };
}

/** By clock, so that the time of a test is no other's. */
function levelOf(clock: Clock, store: string): Level {
  const stores = levels.get(clock) ?? new Map<string, Level>();
  levels.set(clock, stores);
  let level = stores.get(store);
  if (level === undefined) {
    level = {
      maximum: Infinity,
      available: Infinity,
      restorePerSecond: 100,
      at: clock.monotonic(),
      requested: new Map(),
    };
    stores.set(store, level);
    const oldest = stores.keys().next().value;
    if (stores.size > MAX_STORES && oldest !== undefined) stores.delete(oldest);
  }
  return level;
}
