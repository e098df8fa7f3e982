import type { Clock } from '../clock.ts';
import type { Pace } from './transport.ts';

export interface Pacer {
  /** Takes one token and answers how long to wait, in milliseconds, before it may be used. */
  take(pace: Pace): number;
}

/** Buckets that are full again are the same as unknown ones, so the oldest may be forgotten. */
const MAX_BUCKETS = 1_000;

/** Token buckets by key on the monotonic clock: a burst at once, then `perSecond`. */
export function createPacer(clock: Pick<Clock, 'monotonic'>): Pacer {
  const buckets = new Map<string, { tokens: number; at: number }>();
  return {
    take(pace) {
      const now = clock.monotonic();
      const bucket = buckets.get(pace.key) ?? { tokens: pace.burst, at: now };
      // Tokens go below zero when callers wait for theirs: each waits for its own place in the line.
      const tokens = Math.min(pace.burst, bucket.tokens + ((now - bucket.at) / 1_000) * pace.perSecond) - 1;
      buckets.delete(pace.key);
      buckets.set(pace.key, { tokens, at: now });
      const oldest = buckets.keys().next();
      if (buckets.size > MAX_BUCKETS && !oldest.done) buckets.delete(oldest.value);
      return tokens >= 0 ? 0 : Math.ceil((-tokens / pace.perSecond) * 1_000);
    },
  };
}
