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
      const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = random();
      // After the time: version 7, the counter, variant 2, and 62 random bits; 80 bits in pieces that a bit operator takes.
      const head = (7 << 16) | (counter << 4) | (2 << 2) | ((a >> 4) & 3);
      const middle = ((a & 15) << 26) | (b << 18) | (c << 10) | (d << 2) | (e >> 6);
      const tail = ((e & 63) << 24) | (f << 16) | (g << 8) | h;
      return `${prefix}_${timeText(lastMs)}${digits(head, 4)}${digits(middle, 6)}${digits(tail, 6)}`;
    },
  };
}

/** The first ten characters of an id: 48 bits of milliseconds. */
function timeText(ms: number): string {
  return digits(Math.floor(ms / 2 ** 25), 5) + digits(ms % 2 ** 25, 5);
}

/** The lowest `5 * length` bits, at most 30 of them. */
function digits(bits: number, length: number): string {
  let out = '';
  for (let shift = 5 * (length - 1); shift >= 0; shift -= 5) out += ALPHABET.charAt((bits >> shift) & 31);
  return out;
}

/** An id that sorts before every id made at `ms` or later, and after every earlier one. */
export function lowestIdAt(prefix: IdPrefix, ms: number): string {
  return `${prefix}_${timeText(Math.max(0, Math.trunc(ms)))}${'0'.repeat(16)}`;
}

/** Whether `text` is an id of this kind. */
export function isId(text: string, prefix: IdPrefix): boolean {
  return text.startsWith(`${prefix}_`) && PATTERN.test(text);
}

/** The creation time in milliseconds that an id carries. */
export function timeOfId(id: string): number {
  let ms = 0;
  const head = id.slice(id.indexOf('_') + 1, id.indexOf('_') + 11);
  for (const char of head) ms = ms * 32 + ALPHABET.indexOf(char);
  return ms;
}

/** The last six characters of an id: what people read out and type (30 random bits). */
export function shortId(id: string): string {
  return id.slice(-6);
}
