import { isIPv4, isIPv6 } from 'node:net';
import type { Clock } from '../clock.ts';

export interface Rate {
  /** Takes one request from the key's bucket: undefined when there was one, else the milliseconds until there is. */
  take(key: string): number | undefined;
  /** Takes more for what was worse than a request, down to an empty bucket and as much again below it. */
  charge(key: string, cost: number): void;
}

/** Keys that are remembered; the one that was silent for the longest gives way, which only helps it. */
const MAX_KEYS = 10_000;
const MINUTE_MS = 60_000;
const LEAST_BURST = 10;

/** Makes a token bucket for each key: `perMinute` drip in evenly, a tenth of them may come at once. */
export function createRate({ clock }: { clock: Pick<Clock, 'monotonic'> }, perMinute: number): Rate {
  const burst = Math.max(LEAST_BURST, Math.floor(perMinute / 10));
  const perMs = perMinute / MINUTE_MS;
  const buckets = new Map<string, { level: number; at: number }>();

  function bucketOf(key: string): { level: number; at: number } {
    const now = clock.monotonic();
    const known = buckets.get(key);
    const bucket = known ?? { level: burst, at: now };
    bucket.level = Math.min(burst, bucket.level + (now - bucket.at) * perMs);
    bucket.at = now;
    // To the end of the line, so that the first is the one that was silent for the longest.
    buckets.delete(key);
    buckets.set(key, bucket);
    const [oldest] = buckets.keys();
    if (buckets.size > MAX_KEYS && oldest !== undefined) buckets.delete(oldest);
    return bucket;
  }

  return {
    take(key) {
      const bucket = bucketOf(key);
      if (bucket.level < 1) return Math.ceil((1 - bucket.level) / perMs);
      bucket.level -= 1;
      return undefined;
    },
    charge(key, cost) {
      const bucket = bucketOf(key);
      bucket.level = Math.max(-burst, bucket.level - cost);
    },
  };
}

/** Whose requests are counted together: an IPv4 address, or the 64 bits of an IPv6 address that one customer holds whole. */
export function networkOf(address: string): string {
  const bare = address.replace(/%.*$/, '').toLowerCase();
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(bare)?.[1];
  if (mapped !== undefined && isIPv4(mapped)) return mapped;
  if (!isIPv6(bare)) return bare;
  const [head = '', tail = ''] = bare.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === '' ? [] : tail.split(':');
  const gap = bare.includes('::') ? Math.max(0, 8 - left.length - right.length) : 0;
  const whole = [...left, ...Array.from({ length: gap }, () => '0'), ...right];
  return `${whole
    .slice(0, 4)
    .map((part) => part.replace(/^0+(?=.)/, ''))
    .join(':')}::/64`;
}
