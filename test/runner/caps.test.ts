import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { RetryLater } from '../../src/index.ts';
import { createIds } from '../../src/ids.ts';
import { silentLog } from '../../src/log.ts';
import { createCaps } from '../../src/runner/caps.ts';
import { createMemoryStore } from '../../src/store/memory.ts';
import { isFinal, type Run } from '../../src/store/records.ts';
import type { Store } from '../../src/store/store.ts';
import { manualClock, type ManualClock } from '../support/clock.ts';
import { ANA, buildHouse, eventually, staticRegistry, type House } from '../support/runner-house.ts';
import { lowdbHarness, type LowdbHarness } from '../support/store-harness.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

let harness: LowdbHarness | undefined;
afterEach(async () => {
  await harness?.dispose();
  harness = undefined;
});

const capped = (guards: Record<string, unknown>, run: () => unknown = () => 'done', more = {}): unknown => ({
  name: 'capped',
  description: 'Costs money',
  destinations: ['#reports'],
  retries: 0,
  concurrency: 8,
  guards,
  run,
  ...more,
});

/** Passes the early look, as runs do that were asked for in the same instant, on another day, or by a retry. */
const BLIND = { check: () => Promise.resolve({ ok: true } as const) };

async function submit(house: House, times: number): Promise<string[]> {
  const asked = { job: 'capped', input: {}, as: 'json', actor: ANA, trigger: 'slack' } as const;
  const results = await Promise.all(Array.from({ length: times }, () => house.runner.submit(asked)));
  return results.flatMap((one) => (one.outcome === 'accepted' ? [one.run.id] : []));
}
async function ended(house: House, ids: readonly string[]): Promise<Run[]> {
  return eventually(async () => {
    const runs = await Promise.all(ids.map((id) => house.store.get(id)));
    const all = runs.flatMap((run) => (run !== undefined && isFinal(run.state) ? [run] : []));
    return all.length === ids.length ? all : undefined;
  });
}
const passed = (runs: readonly Run[]): number => runs.filter((run) => run.state === 'completed').length;

describe('no two runs both pass a cap', () => {
  async function race(store: Store, clock: ManualClock, wanted: { cap: number; asked: number }): Promise<void> {
    let begun = 0;
    const job = capped({ maxPerHour: wanted.cap }, () => void begun++);
    const house = buildHouse({ store, clock, jobs: [job], guards: BLIND });
    const ids = await submit(house, wanted.asked);
    await house.runner.start();
    const runs = await ended(house, ids);
    await house.runner.stop({ graceMs: 0 });
    expect(begun).toBe(Math.min(wanted.cap, wanted.asked));
    expect(passed(runs)).toBe(begun);
    for (const run of runs.filter((one) => one.state === 'failed'))
      expect(run.error).toMatchObject({
        code: 'CAP_REACHED',
        message: `capped runs at most ${timesOf(wanted.cap)} an hour.`,
      });
  }
  const timesOf = (cap: number): string => (cap === 1 ? 'once' : `${cap} times`);

  test('in memory, however many are asked for at once', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 16 }), async (cap, asked) => {
        const clock = manualClock();
        await race(createMemoryStore({ clock, ids: createIds(clock), log: silentLog }), clock, { cap, asked });
      }),
      { numRuns: 25, seed: 4 },
    );
  });
  test('on disk, also over a crash', async () => {
    harness = await lowdbHarness();
    await race(harness.store, harness.clock, { cap: 3, asked: 10 });
    await harness.reopen('crash');
    const house = buildHouse({
      store: harness.store,
      clock: harness.clock,
      jobs: [capped({ maxPerHour: 3 })],
      guards: BLIND,
    });
    const ids = await submit(house, 2);
    await house.runner.start();
    expect(passed(await ended(house, ids))).toBe(0);
    await house.runner.stop({ graceMs: 0 });
  });
});

describe('the early look', () => {
  test('counts what waits, runs and was used, and refuses what could not begin', async () => {
    const house = buildHouse({ clock: manualClock(), jobs: [capped({ maxPerDay: 3 })] });
    const ids = await submit(house, 1);
    ids.push(...(await submit(house, 1)), ...(await submit(house, 1)));
    expect(ids).toHaveLength(3);
    expect(await submit(house, 1)).toEqual([]);
    await house.runner.start();
    await ended(house, ids);
    const asked = { job: 'capped', input: {}, as: 'json', actor: ANA, trigger: 'slack' } as const;
    expect(await house.runner.submit(asked)).toMatchObject({
      outcome: 'refused',
      code: 'CAP_REACHED',
      reason: 'capped runs at most 3 times a day.',
    });
    await house.runner.stop({ graceMs: 0 });
  });
});

describe('windows', () => {
  test('an hour is a new hour, and a day one of the zone', async () => {
    // Monday 22:30 in UTC is 23:30 in Berlin.
    const clock = manualClock(Date.UTC(2026, 10, 23, 22, 30));
    const store = createMemoryStore({ clock, ids: createIds(clock), log: silentLog });
    const registry = staticRegistry([capped({ maxPerHour: 2, maxPerDay: 3 })]);
    const caps = createCaps({ store, clock, zone: 'Europe/Berlin' });
    const house = buildHouse({ store, clock, registry, caps });
    await house.runner.start();
    const runsNow = async (): Promise<number> => {
      const ids: string[] = [];
      for (let times = 0; times < 4; times++) ids.push(...(await submit(house, 1)));
      return passed(await ended(house, ids));
    };
    expect(await runsNow()).toBe(2);
    await clock.advance(HOUR);
    expect(await runsNow()).toBe(2);
    await clock.advance(HOUR);
    expect(await runsNow()).toBe(1);
    await clock.advance(DAY);
    expect(await runsNow()).toBe(2);
    await house.runner.stop({ graceMs: 0 });
  });

  test('attempts of one run take one place, in the window in which the first began', async () => {
    const clock = manualClock();
    let attempts = 0;
    const later = new RetryLater('not yet', { afterMs: 50 * 60_000 });
    const job = capped({ maxPerHour: 1 }, () => (++attempts < 3 ? Promise.reject(later) : 'done'), {
      retries: 4,
    });
    const house = buildHouse({ clock, jobs: [job] });
    const ids = await submit(house, 1);
    await house.runner.start();
    const run = await eventually(async () => {
      await clock.advance(10 * 60_000);
      const [found] = await Promise.all(ids.map((id) => house.store.get(id)));
      return found?.state === 'completed' ? found : undefined;
    });
    expect(run.attemptsUsed).toBe(3);
    const [first] = run.attempts;
    const key = `runs.capped.${first?.startedAt.slice(0, 13)}`;
    expect((await house.store.getDoc('ledger', key))?.value).toEqual({ used: 1, held: {} });
    expect((await house.store.listDocs('ledger', {})).items).toHaveLength(1);
    await house.runner.stop({ graceMs: 0 });
  });
});

describe('what a run holds', () => {
  test('is kept over a crash between the reservation and the end, and spent by the next attempt once', async () => {
    harness = await lowdbHarness();
    const { clock } = harness;
    const parts = () => ({ store: harness?.store ?? neverStore(), clock, guards: BLIND });
    const stuck = buildHouse({
      ...parts(),
      jobs: [capped({ maxPerDay: 1 }, () => new Promise(() => undefined), { retries: 1 })],
    });
    const ids = await submit(stuck, 1);
    await stuck.runner.start();
    const ledger = async () => (await harness?.store.listDocs('ledger', {}))?.items.map((doc) => doc.value);
    await eventually(async () => ((await ledger()) ?? []).length > 0 || undefined);
    await harness.reopen('crash');
    expect(await ledger()).toEqual([{ used: 0, held: { [ids[0] ?? '']: 1 } }]);
    const next = buildHouse({ ...parts(), jobs: [capped({ maxPerDay: 1 }, () => 'done', { retries: 1 })] });
    const other = await submit(next, 1);
    await next.runner.start();
    const runs = await ended(next, [...ids, ...other]);
    expect(runs.map((run) => run.state)).toEqual(['completed', 'failed']);
    expect(await ledger()).toEqual([{ used: 1, held: {} }]);
    await next.runner.stop({ graceMs: 0 });
  });

  test('is given back when the run is cancelled, and a cancelled run that waited begins nothing', async () => {
    const clock = manualClock();
    let begun = 0;
    const job = capped({ maxPerDay: 1 }, () => {
      begun++;
      return new Promise(() => undefined);
    });
    const house = buildHouse({ clock, jobs: [job], guards: BLIND });
    const [first = ''] = await submit(house, 1);
    await house.runner.start();
    await eventually(() => begun === 1 || undefined);
    await house.runner.cancel(first, ANA);
    expect((await house.store.listDocs('ledger', {})).items.map((doc) => doc.value)).toEqual([{ used: 0, held: {} }]);
    await house.runner.stop({ graceMs: 0 });
  });

  test('a run that is cancelled while its place is asked for never begins', async () => {
    const clock = manualClock();
    const bare = createMemoryStore({ clock, ids: createIds(clock), log: silentLog });
    let begun = 0;
    // Nobody hears of the cancel in time.
    const store: Store = {
      ...bare,
      watch: (since, signal) => hushed(bare.watch(since, signal)),
      async reserve(reservation) {
        await bare.cancel(reservation.runId, ANA);
        return bare.reserve(reservation);
      },
    };
    const house = buildHouse({ clock, store, jobs: [capped({ maxPerDay: 1 }, () => void begun++)], guards: BLIND });
    const ids = await submit(house, 1);
    await house.runner.start();
    const [run] = await ended(house, ids);
    expect(run?.state).toBe('cancelled');
    await clock.advance(1000);
    expect(begun).toBe(0);
    await house.runner.stop({ graceMs: 0 });
  });

  test('is spent as it was reserved, whatever becomes of the job file meanwhile', async () => {
    const clock = manualClock();
    const registry = staticRegistry([]);
    const gate = Promise.withResolvers<string>();
    registry.set([capped({ maxPerHour: 2 }, () => gate.promise)]);
    const house = buildHouse({ clock, registry });
    const ids = await submit(house, 1);
    await house.runner.start();
    await eventually(async () => (await house.store.listDocs('ledger', {})).items.length > 0 || undefined);
    registry.set([]);
    gate.resolve('done');
    await ended(house, ids);
    expect((await house.store.listDocs('ledger', {})).items.map((doc) => doc.value)).toEqual([{ used: 1, held: {} }]);
    registry.set([capped({ maxPerDay: 1 })]);
    const more = await submit(house, 1);
    await ended(house, more);
    const keys = (await house.store.listDocs('ledger', {})).items.map((doc) => [doc.key, doc.value]);
    expect(keys).toEqual([
      ['runs.capped.2026-11-23', { used: 1, held: {} }],
      ['runs.capped.2026-11-23T09', { used: 1, held: {} }],
    ]);
    await house.runner.stop({ graceMs: 0 });
  });

  test('counters go three days after their window', async () => {
    const clock = manualClock();
    const house = buildHouse({ clock, jobs: [capped({ maxPerHour: 5 })] });
    await house.runner.start();
    await ended(house, await submit(house, 1));
    await clock.advance(3 * DAY + HOUR);
    await house.store.sweep();
    expect((await house.store.listDocs('ledger', {})).items).toEqual([]);
    await house.runner.stop({ graceMs: 0 });
  });
});

async function* hushed(events: ReturnType<Store['watch']>): ReturnType<Store['watch']> {
  for await (const event of events) if (event.state !== 'cancelled') yield event;
}
function neverStore(): never {
  throw new Error('the harness is gone');
}
