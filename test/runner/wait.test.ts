import { describe, expect, test } from 'vitest';
import { createIds } from '../../src/ids.ts';
import { silentLog } from '../../src/log.ts';
import { waitForEnd } from '../../src/runner/wait.ts';
import { createMemoryStore } from '../../src/store/memory.ts';
import type { Run, StoreEvent } from '../../src/store/records.ts';
import type { Store } from '../../src/store/store.ts';
import { manualClock } from '../support/clock.ts';
import { accept, ana, claimOne } from '../support/store-harness.ts';

const clockAndStore = () => {
  const clock = manualClock();
  return { clock, store: createMemoryStore({ clock, ids: createIds(clock), log: silentLog }) };
};
const patient = new AbortController().signal;

/** The store, and how often it was looked at. */
function counted(store: Store): { reader: Store; looks: () => number } {
  let looks = 0;
  const get = (runId: string): Promise<Run | undefined> => {
    looks++;
    return store.get(runId);
  };
  return { reader: { ...store, get }, looks: () => looks };
}

/** What a promise has become, without waiting for it. */
function watched<T>(work: Promise<T>): { now: () => T | 'waiting' | undefined } {
  let state: T | 'waiting' | undefined = 'waiting';
  void work.then((value) => (state = value));
  return { now: () => state };
}

describe('waiting for the end of a run', () => {
  test('a run that is over already is the answer at once, whatever the time', async () => {
    const { clock, store } = clockAndStore();
    const run = await accept(store);
    await store.cancel(run.id, ana);
    expect(await waitForEnd(store, run.id, { clock, ms: 0, signal: patient })).toMatchObject({ state: 'cancelled' });
  });

  test('the end is the answer as soon as it is stored, and not what comes before it', async () => {
    const { clock, store } = clockAndStore();
    const run = await accept(store);
    const wait = watched(waitForEnd(store, run.id, { clock, ms: 60_000, signal: patient }));
    const { lease } = await claimOne(store);
    await store.heartbeat([{ lease, leaseMs: 60_000, progress: { steps: [], share: 0.5 } }]);
    await clock.advance(0);
    expect(wait.now()).toBe('waiting');
    await store.settle([{ lease, end: 'completed', result: 7 }]);
    await clock.advance(0);
    expect(wait.now()).toMatchObject({ id: run.id, state: 'completed', result: 7 });
  });

  test('when the time is over there is no answer, and the run goes on', async () => {
    const { clock, store } = clockAndStore();
    const run = await accept(store);
    const wait = watched(waitForEnd(store, run.id, { clock, ms: 5_000, signal: patient }));
    await clock.advance(4_999);
    expect(wait.now()).toBe('waiting');
    await clock.advance(1);
    expect(wait.now()).toBeUndefined();
    expect(await store.get(run.id)).toMatchObject({ state: 'queued' });
  });

  test('an end in the last moment, of which no event came, is the answer', async () => {
    const { clock, store } = clockAndStore();
    const run = await accept(store);
    const silent = { ...store, watch: (_since: number | 'now', signal: AbortSignal) => nothing(signal) };
    const wait = watched(waitForEnd(silent, run.id, { clock, ms: 5_000, signal: patient }));
    await store.cancel(run.id, ana);
    await clock.advance(5_000);
    expect(wait.now()).toMatchObject({ state: 'cancelled' });
  });

  test('who hangs up waits no longer, and the run goes on', async () => {
    const { clock, store } = clockAndStore();
    const run = await accept(store);
    const caller = new AbortController();
    const wait = watched(waitForEnd(store, run.id, { clock, ms: 60_000, signal: caller.signal }));
    await clock.advance(0);
    caller.abort();
    await clock.advance(0);
    expect(wait.now()).toBeUndefined();
    expect(await store.get(run.id)).toMatchObject({ state: 'queued' });
    const late = watched(waitForEnd(store, run.id, { clock, ms: 60_000, signal: caller.signal }));
    await clock.advance(0);
    expect(late.now()).toBeUndefined();
  });

  test('a run that is deleted meanwhile, or was never there, is no answer', async () => {
    const { clock, store } = clockAndStore();
    const run = await accept(store);
    const wait = watched(waitForEnd(store, run.id, { clock, ms: 60_000, signal: patient }));
    const never = watched(waitForEnd(store, 'run_x', { clock, ms: 60_000, signal: patient }));
    await clock.advance(0);
    expect([wait.now(), never.now()]).toEqual(['waiting', undefined]);
    await store.remove(run.id, ana);
    await clock.advance(0);
    expect(wait.now()).toBeUndefined();
  });

  test('events of other runs are no reason to look', async () => {
    const { clock, store } = clockAndStore();
    const run = await accept(store);
    const { reader, looks } = counted(store);
    void waitForEnd(reader, run.id, { clock, ms: 60_000, signal: patient });
    await clock.advance(0);
    const before = looks();
    for (let n = 0; n < 20; n++) await store.cancel((await accept(store)).id, ana);
    await clock.advance(0);
    expect(looks()).toBe(before);
    await clock.advance(60_000);
  });

  test.each([
    ['ends', () => ended()],
    ['fails', () => broken()],
  ])('a feed that %s is made up for by looking, once a second and not more', async (_what, watch) => {
    const { clock, store } = clockAndStore();
    const run = await accept(store);
    const { reader, looks } = counted({ ...store, watch });
    const wait = watched(waitForEnd(reader, run.id, { clock, ms: 60_000, signal: patient }));
    await clock.advance(10_000);
    expect(looks()).toBeLessThanOrEqual(11);
    await store.cancel(run.id, ana);
    await clock.advance(1_000);
    expect(wait.now()).toMatchObject({ state: 'cancelled' });
  });

  test('after a resync it looks', async () => {
    const { clock, store } = clockAndStore();
    const run = await accept(store);
    const missed = Promise.withResolvers<void>();
    const resync = { seq: 1, at: run.createdAt, type: 'resync' } as const;
    async function* watch(_since: number | 'now', signal: AbortSignal): AsyncGenerator<StoreEvent> {
      await missed.promise;
      yield resync;
      yield* nothing(signal);
    }
    const wait = watched(waitForEnd({ ...store, watch }, run.id, { clock, ms: 60_000, signal: patient }));
    await store.cancel(run.id, ana);
    await clock.advance(0);
    expect(wait.now()).toBe('waiting');
    missed.resolve();
    await clock.advance(0);
    expect(wait.now()).toMatchObject({ state: 'cancelled' });
  });

  test('what the store throws is thrown, and nothing waits on', async () => {
    const { clock, store } = clockAndStore();
    const run = await accept(store);
    let heard: AbortSignal | undefined;
    const reader = {
      watch: (since: number | 'now', signal: AbortSignal) => store.watch(since, (heard = signal)),
      get: () => Promise.reject(new Error('the disk is gone')),
    };
    await expect(waitForEnd(reader, run.id, { clock, ms: 60_000, signal: patient })).rejects.toThrow(
      'the disk is gone',
    );
    expect(heard?.aborted).toBe(true);
  });
});

// oxlint-disable-next-line eslint/require-yield -- a feed in which nothing happens
async function* nothing(signal: AbortSignal): AsyncGenerator<StoreEvent> {
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
// oxlint-disable-next-line eslint/require-yield -- a feed that has ended
async function* ended(): AsyncGenerator<StoreEvent> {}
// oxlint-disable-next-line eslint/require-yield -- a feed that cannot be read
async function* broken(): AsyncGenerator<StoreEvent> {
  throw new Error('the feed cannot be read');
}
