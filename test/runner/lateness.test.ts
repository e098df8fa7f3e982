import { describe, expect, test } from 'vitest';
import { createIds } from '../../src/ids.ts';
import { silentLog } from '../../src/log.ts';
import { createMemoryStore } from '../../src/store/memory.ts';
import type { Store } from '../../src/store/store.ts';
import { manualClock } from '../support/clock.ts';
import { BEFORE_NOON, followerHouse, MINUTE } from '../support/follower-house.ts';
import { BEA, finish, jobWith, OPS } from '../support/schedule-house.ts';

const DAILY = { when: '0 12 * * *' };
const jobs = (more: Record<string, unknown> = {}): unknown[] => [jobWith([{ ...DAILY, ...more }])];

describe('a run that is not over in its time', () => {
  test('is told once, with how late it is, also in the next life', async () => {
    const house = await followerHouse({}, { jobs: jobs({ lateAfter: '10m' }) });
    await house.clock.advance(9 * MINUTE);
    expect(await house.kinds()).toEqual([]);
    await house.clock.advance(3 * MINUTE);
    const [notice] = await house.notices();
    expect(notice).toMatchObject({ kind: 'late', schedule: 'weekly' });
    expect(notice?.report.summary).toContain('was due 2026-11-22T12:00:00.000Z and is still queued');
    await house.clock.advance(60 * MINUTE);
    await house.stop();
    const next = house.again();
    await next.start();
    await house.clock.advance(5 * MINUTE);
    expect(await house.kinds()).toEqual(['late']);
    await next.stop();
  });

  test('is not told when it ended in time, or was removed', async () => {
    const house = await followerHouse({}, { jobs: jobs() });
    await house.clock.advance(MINUTE);
    const [run] = await house.runs('weekly');
    await finish(house.store, run?.id ?? '');
    await house.clock.advance(60 * MINUTE);
    await house.clock.advance(23 * 60 * MINUTE);
    const second = (await house.runs('weekly')).at(-1);
    expect(second?.id).not.toBe(run?.id);
    await house.runner.remove(second?.id ?? '', BEA);
    await house.clock.advance(60 * MINUTE);
    expect(await house.kinds()).toEqual([]);
    await house.stop();
  });

  test('that was made up for has its time from when it began', async () => {
    const clock = manualClock(BEFORE_NOON);
    const house = await followerHouse({}, { jobs: jobs({ lateAfter: '20m' }), clock });
    await house.stop();
    await clock.advance(90 * MINUTE);
    const next = house.again();
    await next.start();
    await clock.advance(15 * MINUTE);
    expect(await house.kinds()).toEqual(['digest']);
    await clock.advance(10 * MINUTE);
    expect(await house.kinds()).toEqual(['digest', 'late']);
    await next.stop();
  });

  test('is told elsewhere than where the report goes', async () => {
    const house = await followerHouse({}, { jobs: jobs({ lateAfter: '1m', tell: ['#reports'] }) });
    await house.clock.advance(5 * MINUTE);
    const [notice] = await house.notices();
    expect(notice?.deliveries.map((one) => one.destination)).toEqual([OPS]);
    await house.stop();
  });
});

describe('a slot that nobody planned', () => {
  /** A store in which the weekly schedule cannot be moved on, and notices of it cannot be kept while `mute`. */
  function broken(clock: ReturnType<typeof manualClock>) {
    const bare = createMemoryStore({ clock, ids: createIds(clock), log: silentLog });
    const fault = { advance: true, mute: false };
    const store: Store = {
      ...bare,
      advance: (step) =>
        fault.advance && step.schedule === 'weekly' && step.expectedWatermark !== null
          ? Promise.reject(new Error('broken'))
          : bare.advance(step),
      addNotice: (notice) =>
        fault.mute && notice.schedule === 'weekly' ? Promise.reject(new Error('full')) : bare.addNotice(notice),
    };
    return { store, fault };
  }
  const other = jobWith([{ ...DAILY, lateAfter: '8m' }], { name: 'zebra' });

  test('is told once, after some minutes', async () => {
    const clock = manualClock(BEFORE_NOON);
    const { store, fault } = broken(clock);
    const house = await followerHouse({}, { clock, store, jobs: jobs() });
    await clock.advance(4 * MINUTE);
    expect(await house.kinds()).toEqual([]);
    await clock.advance(20 * MINUTE);
    const said = (await house.notices()).map((one) => one.report.title);
    expect(said).toEqual(['weekly was not planned']);
    fault.advance = false;
    await clock.advance(MINUTE);
    expect(await house.runs('weekly')).toHaveLength(1);
    await house.stop();
  });

  test('does not hide what is late of the others, when it cannot be told', async () => {
    const clock = manualClock(BEFORE_NOON);
    const { store, fault } = broken(clock);
    fault.mute = true;
    const house = await followerHouse({}, { clock, store, jobs: [...jobs(), other] });
    await clock.advance(12 * MINUTE);
    expect((await house.notices()).map((one) => one.report.title)).toEqual(['zebra is late']);
    await house.stop();
  });

  test('is not told after a sleep, or a step of the clock, when it is planned within minutes', async () => {
    const clock = manualClock(BEFORE_NOON);
    const { store, fault } = broken(clock);
    const house = await followerHouse({}, { clock, store, jobs: jobs() });
    clock.step(3 * 60 * MINUTE);
    await clock.advance(4 * MINUTE);
    fault.advance = false;
    await clock.advance(30 * MINUTE);
    expect((await house.notices()).map((one) => one.report.title)).not.toContain('weekly was not planned');
    await house.stop();
  });

  test('is nothing of a schedule that is paused', async () => {
    const clock = manualClock(BEFORE_NOON);
    const { store } = broken(clock);
    const house = await followerHouse({}, { clock, store, jobs: jobs() });
    await house.schedules.pause('weekly', BEA);
    await clock.advance(60 * MINUTE);
    expect(await house.kinds()).toEqual([]);
    await house.stop();
  });
});
