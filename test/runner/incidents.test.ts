import { describe, expect, test } from 'vitest';
import { createIds } from '../../src/ids.ts';
import { createLog, silentLog } from '../../src/log.ts';
import { createMemoryStore } from '../../src/store/memory.ts';
import type { Destination } from '../../src/store/destinations.ts';
import type { Store } from '../../src/store/store.ts';
import { manualClock } from '../support/clock.ts';
import { BEFORE_NOON, endDelivery, followerHouse, MINUTE, REPORTS } from '../support/follower-house.ts';
import { BEA, finish, jobWith, OPS, settle } from '../support/schedule-house.ts';

describe('an incident', () => {
  test('is told with its cause, the run, and the way out, where failures are told', async () => {
    const house = await followerHouse();
    const run = await house.nextBad({ code: 'JOB_PERMANENT', message: 'the account is closed', hint: 'open it again' });
    const [notice] = await house.notices();
    expect(notice).toMatchObject({ kind: 'incident', schedule: 'weekly', job: 'weekly' });
    expect(notice?.report).toMatchObject({
      title: 'weekly failed',
      summary: 'the account is closed',
      status: 'failed',
    });
    const text = JSON.stringify(notice?.report.sections);
    for (const said of ['JOB_PERMANENT', run.id, '2026-11-22T12:00:00.000Z', 'open it again', '/jobs retry'])
      expect(text).toContain(said);
    expect(notice?.deliveries.map((one) => one.destination)).toEqual([OPS]);
    await house.stop();
  });

  test('of the same cause is told once, numbers, times and ids in it aside; being good again is told once', async () => {
    const house = await followerHouse({ alert: { coolDown: 0 } });
    for (let times = 1; times <= 5; times++)
      await house.nextBad(`row ${times} of 17 at 12:0${times} in run_0${times}x is bad`);
    expect(await house.kinds()).toEqual(['incident']);
    await house.nextGood();
    await house.nextGood();
    expect(await house.kinds()).toEqual(['incident', 'recovery']);
    const [, recovery] = await house.notices();
    expect(recovery?.report.summary).toContain('after 5 failures in a row');
    await house.nextBad('row 6 of 17 at 12:06 in run_06x is bad');
    expect(await house.kinds()).toEqual(['incident', 'recovery', 'incident']);
    await house.stop();
  });

  test('of another cause waits for the cool-down', async () => {
    const house = await followerHouse({ alert: { coolDown: '3m' } });
    await house.nextBad('no such sheet');
    await house.nextBad('no such table');
    await house.nextBad('no such table');
    expect(await house.kinds()).toEqual(['incident']);
    await house.nextBad('no such table');
    expect((await house.notices()).map((one) => one.report.summary)).toEqual([
      'no such sheet',
      '4 times in a row: no such table',
    ]);
    await house.nextBad('no such sheet');
    expect(await house.kinds()).toHaveLength(2);
    await house.stop();
  });

  test('is told from the threshold on; below it neither failure nor recovery is told', async () => {
    const house = await followerHouse({ alert: { after: 3 } });
    await house.nextBad();
    await house.nextBad();
    await house.nextGood();
    await house.nextBad();
    await house.nextBad();
    expect(await house.kinds()).toEqual([]);
    await house.nextBad();
    expect(await house.kinds()).toEqual(['incident']);
    await house.stop();
  });

  test('a report that does not arrive is a failure; one that is still looked for is not', async () => {
    const house = await followerHouse();
    const run = await house.nextRun();
    await house.undelivered(run);
    const nextAt = new Date(house.clock.now() + 30_000).toISOString();
    await endDelivery(house, run.id, { outcome: 'unknown', nextAt });
    expect(await house.kinds()).toEqual([]);
    const other = await house.nextRun();
    await house.undelivered(other);
    await endDelivery(house, other.id, { outcome: 'failed' });
    const [notice] = await house.notices();
    expect(notice?.report.summary).toContain('The report did not arrive (slack): is_archived');
    await house.stop();
  });

  test('a run by hand and a cancelled run are nobody’s incident', async () => {
    const house = await followerHouse();
    const run = await house.nextRun();
    await house.runner.cancel(run.id, BEA);
    const asked = await house.schedules.runNow('weekly', BEA);
    if (asked.outcome !== 'accepted') throw new Error(asked.outcome);
    await finish(house.store, asked.run.id, 'failed');
    await house.clock.advance(1);
    expect(await house.kinds()).toEqual([]);
    await house.stop();
  });

  test('a run that is removed meanwhile says nothing, and the next failure is told', async () => {
    const house = await followerHouse();
    const run = await house.nextRun();
    await house.runner.remove(run.id, BEA);
    await house.clock.advance(1);
    await house.nextBad();
    expect(await house.kinds()).toEqual(['incident']);
    await house.stop();
  });
});

describe('where an incident goes', () => {
  const routes = async (schedule: Record<string, unknown>, alertsTo: Destination[] = [OPS]) => {
    const house = await followerHouse(schedule, { alertsTo });
    await house.nextBad();
    const [notice] = await house.notices();
    await house.stop();
    return notice?.deliveries.map((one) => one.destination);
  };
  test('is never the place of the report when another is known', async () => {
    expect(await routes({ tell: ['#reports', '#sales'] })).toEqual([{ kind: 'slack', channel: '#sales' }]);
    expect(await routes({ tell: ['#reports'] })).toEqual([OPS]);
    expect(await routes({}, [REPORTS, OPS])).toEqual([OPS]);
  });
  test('is the place of the report when no other is known', async () => {
    expect(await routes({ tell: ['#reports'] }, [])).toEqual([REPORTS]);
  });
  test('is nowhere when the schedule says so, or when nobody is named; the log says that', async () => {
    expect(await routes({ tell: [] })).toBeUndefined();
    const lines: string[] = [];
    const clock = manualClock(BEFORE_NOON);
    const log = createLog({ write: (line) => void lines.push(line), scrub: (text) => text, clock }, 'info');
    const house = await followerHouse({}, { alertsTo: [], clock, log });
    await house.nextBad();
    expect(lines.join('')).toContain('nobody is told of an incident');
    await house.stop();
  });
});

describe('auto-pause', () => {
  test('after N failures in a row the schedule is paused, and that is told', async () => {
    const house = await followerHouse({ alert: { pauseAfter: 3 } });
    await house.nextBad();
    await house.nextBad();
    expect((await house.doc('weekly')).paused).toBeUndefined();
    await house.nextBad();
    expect((await house.doc('weekly')).paused).toMatchObject({
      by: { id: 'incidents' },
      reason: '3 failures in a row',
    });
    expect(await house.kinds()).toEqual(['incident', 'paused']);
    await house.clock.advance(10 * MINUTE);
    expect(await house.runs('weekly')).toHaveLength(3);
    await house.stop();
  });

  test('a schedule that a person paused is not said to be paused by failures', async () => {
    const house = await followerHouse({ alert: { pauseAfter: 2 } });
    await house.nextBad();
    const run = await house.nextRun();
    await house.schedules.pause('weekly', BEA);
    await house.undelivered(run);
    await endDelivery(house, run.id, { outcome: 'failed' });
    expect(await house.kinds()).not.toContain('paused');
    await house.stop();
  });

  test('a crash between the pause and the notice does not lose the notice', async () => {
    const clock = manualClock(BEFORE_NOON);
    const bare = createMemoryStore({ clock, ids: createIds(clock), log: silentLog });
    let dead = false;
    const store: Store = {
      ...bare,
      addNotice: (notice) =>
        dead && notice.kind === 'paused' ? Promise.reject(new Error('dead')) : bare.addNotice(notice),
      putDoc: (doc) => (dead && doc.kind !== 'schedule' ? Promise.reject(new Error('dead')) : bare.putDoc(doc)),
    };
    const house = await followerHouse({ alert: { pauseAfter: 2 } }, { clock, store });
    await house.nextBad();
    await house.clock.advance(2000);
    dead = true;
    await house.nextBad();
    expect((await house.doc('weekly')).paused).toBeDefined();
    const stopped = house.stop();
    await clock.advance(10_000);
    await stopped;
    expect(await house.kinds()).toEqual(['incident']);
    dead = false;
    const next = house.again();
    await next.start();
    await clock.advance(1);
    expect(await house.kinds()).toEqual(['incident', 'paused']);
    await next.stop();
  });
});

describe('told once', () => {
  test('a crash after the notice and before the count tells nobody twice', async () => {
    const clock = manualClock(BEFORE_NOON);
    const bare = createMemoryStore({ clock, ids: createIds(clock), log: silentLog });
    let dead = false;
    const store: Store = {
      ...bare,
      putDoc: (doc) => (dead ? Promise.reject(new Error('dead')) : bare.putDoc(doc)),
    };
    const house = await followerHouse({}, { clock, store });
    await house.nextGood();
    await clock.advance(2000);
    const run = await house.nextRun();
    dead = true;
    await settle(bare, run.id, { end: 'failed', error: { code: 'JOB_FAILED', message: 'no such sheet' } });
    await clock.advance(1);
    expect(await house.kinds()).toEqual(['incident']);
    const stopped = house.stop();
    await clock.advance(10_000);
    await stopped;
    dead = false;
    const next = house.again();
    await next.start();
    await clock.advance(1);
    expect(await house.kinds()).toEqual(['incident']);
    expect((await bare.getDoc('incident', 'weekly'))?.value).toMatchObject({ failures: 1 });
    await next.stop();
  });

  test('events that come twice count once', async () => {
    const house = await followerHouse({ alert: { after: 2 } });
    await house.nextBad();
    const cursor = await house.store.getDoc('follower', 'cursor');
    await house.stop();
    const rev = (await house.store.getDoc('follower', 'cursor'))?.rev ?? 0;
    await house.store.putDoc({ kind: 'follower', key: 'cursor', rev, value: { seq: seqOf(cursor?.value) - 1000 } });
    const next = house.again();
    await next.start();
    await house.clock.advance(1);
    expect(await house.kinds()).toEqual([]);
    expect((await house.store.getDoc('incident', 'weekly'))?.value).toMatchObject({ failures: 1 });
    await next.stop();
  });

  test('where events were lost the newest run of each schedule is looked at: told late, the count too low', async () => {
    const house = await followerHouse({ alert: { coolDown: 0 } });
    await house.stop();
    const planner = house.again();
    await planner.tick();
    for (let times = 0; times < 3; times++) {
      await house.clock.advance(MINUTE);
      await planner.tick();
      const run = (await house.runs('weekly')).at(-1);
      await finish(house.store, run?.id ?? '', 'failed');
    }
    const rev = (await house.store.getDoc('follower', 'cursor'))?.rev ?? 0;
    await house.store.putDoc({ kind: 'follower', key: 'cursor', rev, value: { seq: 1 } });
    const next = house.again();
    await next.start();
    await house.clock.advance(1);
    expect(await house.kinds()).toEqual(['incident']);
    expect((await house.store.getDoc('incident', 'weekly'))?.value).toMatchObject({ failures: 1 });
    await next.stop();
  });

  test('a first life that ends before it noted where it was misses nothing', async () => {
    const house = await followerHouse();
    const run = await house.nextBad();
    await house.stop();
    await house.store.removeDoc('follower', 'cursor');
    await house.store.removeDoc('incident', 'weekly');
    const next = house.again();
    await next.start();
    await house.clock.advance(1);
    expect(JSON.stringify((await house.store.getDoc('incident', 'weekly'))?.value)).toContain(run.id);
    await next.stop();
  });
});

test('a secret in the error of a run is not in the notice', async () => {
  const secrets = ['Kanarien-Vogel-77'];
  const house = await followerHouse({}, { secrets, jobs: [jobWith([{ when: '* * * * *' }])] });
  await house.nextBad({
    code: 'JOB_FAILED',
    message: 'refused with Kanarien-Vogel-77',
    hint: 'is Kanarien-Vogel-77 right?',
  });
  const text = JSON.stringify(await house.notices());
  expect(text).toContain('refused with');
  expect(text).not.toContain('Kanarien-Vogel-77');
  await house.stop();
});

test('a run that fails is told of where the word failed is taken for a secret', async () => {
  const house = await followerHouse({}, { secrets: ['failed'], jobs: [jobWith([{ when: '* * * * *' }])] });
  await house.nextBad({ code: 'JOB_FAILED', message: 'no such sheet' });
  expect(JSON.stringify(await house.notices())).toContain('no such sheet');
  await house.stop();
});

function seqOf(value: unknown): number {
  return typeof value === 'object' && value !== null && 'seq' in value ? Number(value.seq) : 0;
}
