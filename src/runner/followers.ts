/**
 * Those who look at what happens and draw a conclusion: incidents, pings, status documents. They read the store's events from where they
 * were, so a restart misses nothing; an event may come twice, and each of them takes it as once.
 */
import { z } from 'zod';
import type { Clock, Timer } from '../clock.ts';
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import type { StoreEvent } from '../store/records.ts';
import type { Store } from '../store/store.ts';

export interface Follower {
  name: string;
  /** Takes one event in; the next waits for it. */
  noticed(event: StoreEvent): Promise<void>;
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
      try {
        await follower.noticed(event);
      } catch (error) {
        log.error('a follower failed at an event', {
          follower: follower.name,
          seq: event.seq,
          error: messageOf(error),
        });
      }
    }
    seq = event.seq;
  }
  async function read(): Promise<void> {
    while (!stopping.signal.aborted) {
      try {
        for await (const event of store.watch(seq ?? 'now', stopping.signal)) await take(event);
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
      await Promise.race([reading, clock.sleep(STOP_MS)]);
      await quietly(save());
    },
  };
}
