/**
 * Those who look at what happens and draw a conclusion: incidents, pings, status documents. They read the store's events from where they
 * were, so a restart misses nothing; an event may come twice, and each of them takes it as once. Where events are gone (`resync`), and at
 * the very first start, they look at the newest run of each schedule instead.
 */
import { z } from 'zod';
import type { Clock, Timer } from '../clock.ts';
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import type { StoreEvent } from '../store/records.ts';
import type { Store } from '../store/store.ts';

export interface Follower {
  name: string;
  /** Whether an event says anything to it; the others are not brought to it. */
  wants(event: StoreEvent): boolean;
  /** Takes one event in; the next waits for it. It is asked again when it throws, a few times. */
  noticed(event: StoreEvent): Promise<void>;
  /** Ends what it does beside that. */
  stop?(): Promise<void>;
}

export interface Followers {
  start(): Promise<void>;
  /** Remembers where they are; idempotent. */
  stop(): Promise<void>;
}

const KIND = 'follower';
const KEY = 'cursor';
const SAVE_MS = 1000;
const REWATCH_MS = 1000;
const STOP_MS = 2000;
/** Between the tries of a follower that throws: the store may be busy, or full for a moment. */
const WAITS_MS = [1000, 5000];
const Cursor = z.object({ seq: z.number().int().nonnegative() });

/** Makes the reader of the events for all followers. */
export function createFollowers(deps: {
  store: Store;
  clock: Clock;
  log: Log;
  followers: readonly Follower[];
}): Followers {
  const { store, clock, log, followers } = deps;
  const stopping = new AbortController();
  let seq: number | undefined;
  let saved: number | undefined;
  let saver: Timer | undefined;
  let reading: Promise<void> | undefined;

  async function save(): Promise<void> {
    if (seq === undefined || seq === saved) return;
    const present = seq;
    const rev = (await store.getDoc(KIND, KEY))?.rev ?? 0;
    const put = await store.putDoc({ kind: KIND, key: KEY, rev, value: { seq: present } });
    if (put.outcome === 'stored') saved = present;
  }
  async function take(event: StoreEvent): Promise<void> {
    for (const follower of followers) {
      if (!follower.wants(event)) continue;
      // Cut short by the end: the event is not taken, and comes again in the next life.
      if (!(await told(follower, event))) return;
    }
    seq = event.seq;
  }
  async function told(follower: Follower, event: StoreEvent): Promise<boolean> {
    for (const waitMs of [...WAITS_MS, undefined]) {
      try {
        await follower.noticed(event);
        return true;
      } catch (error) {
        const what = { follower: follower.name, seq: event.seq, error: messageOf(error) };
        log.error(waitMs === undefined ? 'a follower gave up on an event' : 'a follower failed at an event', what);
        if (waitMs === undefined) return true;
        await clock.sleep(waitMs, stopping.signal);
        if (stopping.signal.aborted) return false;
      }
    }
    return true;
  }
  async function read(): Promise<void> {
    while (!stopping.signal.aborted) {
      try {
        for await (const event of store.watch(seq ?? 0, stopping.signal)) {
          if (stopping.signal.aborted) break;
          await take(event);
        }
      } catch (error) {
        log.warn('the events of the store could not be read', { error: messageOf(error) });
      }
      if (!stopping.signal.aborted) await clock.sleep(REWATCH_MS, stopping.signal);
    }
  }
  const quietly = (work: Promise<void>): Promise<void> =>
    work.catch((error: unknown) => log.warn('the place in the events was not stored', { error: messageOf(error) }));

  return {
    async start() {
      const cursor = Cursor.safeParse((await store.getDoc(KIND, KEY))?.value);
      saved = cursor.success ? cursor.data.seq : undefined;
      seq ??= saved;
      reading ??= read();
      saver ??= clock.every(SAVE_MS, () => void quietly(save()));
    },
    async stop() {
      if (stopping.signal.aborted) return;
      stopping.abort();
      saver?.cancel();
      // A follower that hangs must not hold up the end.
      const timeout = new AbortController();
      const ends = followers.map((follower) => follower.stop?.());
      await Promise.race([Promise.allSettled([reading, ...ends]), clock.sleep(STOP_MS, timeout.signal)]);
      timeout.abort();
      await quietly(save());
    },
  };
}
