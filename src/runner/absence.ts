/**
 * Knows when nobody planned: between the mark that the last life left and now, or while this process slept, hung, or its clock was
 * stepped. The mark is a document that is written once a minute, and when the planner stops.
 */
import { iso } from '../clock.ts';
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import { z } from 'zod';
import type { Store } from '../store/store.ts';
import { ON_TIME_MS } from './stretches.ts';
import type { Absence } from './stretches.ts';

export interface Absences {
  /** The absence that ends now; undefined when there was none. It is found again until `seen`. */
  look(): Promise<Absence | undefined>;
  /** Everything due until `now` is planned. */
  seen(now: number): Promise<void>;
  /** Marks the end of this life. */
  leave(): Promise<void>;
}

const KIND = 'planner';
const KEY = 'alive';
const MARK_MS = 60_000;
const Mark = z.object({ at: z.iso.datetime() });

/** Makes the memory of when the planner was there. */
export function createAbsences(deps: { store: Store; clock: Clock; log: Log }): Absences {
  const { store, clock, log } = deps;
  /** Until when everything was planned: by the wall clock, and by the one that cannot be stepped. */
  let last: { wall: number; monotonic: number } | undefined;
  let markedAt: number | undefined;

  async function fromMark(): Promise<number | undefined> {
    const doc = await store.getDoc(KIND, KEY);
    const left = Mark.safeParse(doc?.value);
    return left.success ? Date.parse(left.data.at) : undefined;
  }
  async function mark(now: number): Promise<void> {
    const rev = (await store.getDoc(KIND, KEY))?.rev ?? 0;
    const put = await store.putDoc({ kind: KIND, key: KEY, rev, value: { at: iso(now) } });
    if (put.outcome === 'conflict') log.warn('another planner marks that it is there');
    else markedAt = now;
  }

  return {
    async look() {
      const now = clock.now();
      if (last === undefined) {
        const from = await fromMark();
        return from !== undefined && now - from > ON_TIME_MS ? { from, to: now, why: 'down' } : undefined;
      }
      if (now - last.wall <= ON_TIME_MS) return undefined;
      const stepped = now - last.wall - (clock.monotonic() - last.monotonic);
      return { from: last.wall, to: now, why: stepped > ON_TIME_MS ? 'clock' : 'asleep' };
    },
    async seen(now) {
      last = { wall: now, monotonic: clock.monotonic() };
      // A clock that was stepped back is marked at once: else the mark lies in the future.
      if (markedAt === undefined || now - markedAt >= MARK_MS || now < markedAt) await mark(now);
    },
    async leave() {
      if (last !== undefined) await mark(last.wall);
    },
  };
}
