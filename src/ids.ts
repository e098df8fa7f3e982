import { randomFillSync } from 'node:crypto';
import type { Clock } from './clock.ts';

/**
 * Ids are UUIDv7 bits (RFC 9562) written in Crockford base32: 26 lower-case characters behind a prefix, e.g. `run_01k…`.
 * They sort by time, are strictly increasing inside one process (node's randomUUIDv7 is not, inside a millisecond),
 * and carry their creation time, so that the path of a record follows from its id.
 */
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
const PATTERN = /^(run|dlv|ntc|evt|aud)_[0-7][0-9a-hjkmnp-tv-z]{25}$/;

export type IdPrefix = 'run' | 'dlv' | 'ntc' | 'evt' | 'aud';

export interface Ids {
  next(prefix: IdPrefix): string;
}

/** Makes ids that strictly increase, even when the clock steps back. */
export function createIds(clock: Pick<Clock, 'now'>): Ids {
  // One call for some hundred ids: the call costs more than its bytes.
  const pool = new Uint8Array(4096);
  let used = pool.length;
  const random = (): Uint8Array => {
    if (used + 8 > pool.length) {
      randomFillSync(pool);
      used = 0;
    }
    used += 8;
    return pool.subarray(used - 8, used);
  };
  let lastMs = 0;
  let counter = 0;
  return {
    next(prefix) {
      const now = clock.now();
      if (now > lastMs) {
        lastMs = now;
        // Start low, so that a burst inside one millisecond has room: 4,096 - 1,024 ids before time is borrowed.
        counter = (random()[0] ?? 0) * 4;
      } else if (++counter > 0xfff) {
        lastMs += 1;
        counter = 0;
      }
      let tail = 0n;
      for (const byte of random()) tail = (tail << 8n) | BigInt(byte);
      const bits =
        (BigInt(lastMs) << 80n) | (7n << 76n) | (BigInt(counter) << 64n) | (2n << 62n) | (tail & ((1n << 62n) - 1n));
      return `${prefix}_${encode(bits)}`;
    },
  };
}

function encode(bits: bigint): string {
  let text = '';
  for (let shift = 125n; shift >= 0n; shift -= 5n) text += ALPHABET.charAt(Number((bits >> shift) & 31n));
  return text;
}

/** An id that sorts before every id made at `ms` or later, and after every earlier one. */
export function lowestIdAt(prefix: IdPrefix, ms: number): string {
  return `${prefix}_${encode(BigInt(Math.max(0, Math.trunc(ms))) << 80n)}`;
}

/** Whether `text` is an id of this kind. */
export function isId(text: string, prefix: IdPrefix): boolean {
  return text.startsWith(`${prefix}_`) && PATTERN.test(text);
}

/** The creation time in milliseconds that an id carries. */
export function timeOfId(id: string): number {
  let ms = 0n;
  const digits = id.slice(id.indexOf('_') + 1, id.indexOf('_') + 11);
  for (const char of digits) ms = (ms << 5n) | BigInt(ALPHABET.indexOf(char));
  return Number(ms);
}

/** The last six characters of an id: what people read out and type (30 random bits). */
export function shortId(id: string): string {
  return id.slice(-6);
}
