import type { Clock } from '../clock.ts';

export interface Rate {
  perSecond: number;
  burst: number;
}

export interface Buckets {
  /** Takes one token; answers 0, or the whole seconds to wait. */
  take(key: string, rate: Rate): number;
}

const MAX_KEYS = 1_000;

/** Token buckets by key on the monotonic clock. */
export function createBuckets(clock: Clock): Buckets {
  const levels = new Map<string, { tokens: number; at: number }>();
  return {
    take(key, rate) {
      const now = clock.monotonic();
      const level = levels.get(key) ?? { tokens: rate.burst, at: now };
      const tokens = Math.min(rate.burst, level.tokens + ((now - level.at) / 1_000) * rate.perSecond);
      const granted = tokens >= 1;
      levels.delete(key);
      levels.set(key, { tokens: granted ? tokens - 1 : tokens, at: now });
      for (const oldest of levels.keys()) if (levels.size > MAX_KEYS) levels.delete(oldest);
      return granted ? 0 : Math.max(1, Math.ceil((1 - tokens) / rate.perSecond));
    },
  };
}
