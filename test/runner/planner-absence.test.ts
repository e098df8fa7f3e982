import { describe, expect, test } from 'vitest';
import { createMemoryStore } from '../../src/store/memory.ts';
import { createIds } from '../../src/ids.ts';
import { silentLog } from '../../src/log.ts';
import type { Store } from '../../src/store/store.ts';
import { manualClock } from '../support/clock.ts';
import { jobWith, OPS, scheduleHouse } from '../support/schedule-house.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** Sunday 2026-11-22 12:00 UTC. */
const SUNDAY = Date.UTC(2026, 10, 22, 12);

const slots = (runs: readonly { schedule?: { slot: string } }[]): (string | undefined)[] =>
  runs.map((run) => run.schedule?.slot);

describe('after an absence', () => {
  const POLICIES = ['skip', 'latest', 'all'] as const;
  const SPANS = [1000, 89_000, 5 * MINUTE, HOUR, 8 * HOUR, DAY, 3 * DAY, 40 * DAY];
  const cases = POLICIES.flatMap((policy) => SPANS.map((downMs) => ({ policy, downMs })));

  test.each(cases)(
    'down for $downMs ms under “$policy”: each slot is one run or one skip',
    async ({ policy, downMs }) => {
      const clock = manualClock(SUNDAY - 30_000);
      const hourly = { when: '0,30 * * * *', catchUp: { policy, window: '1d', burst: 3 } };
      const house = scheduleHouse({ clock, jobs: [jobWith([hourly], { overlap: 'queue' })], alertsTo: [OPS] });
      await house.start();
      await house.stop();
      await clock.advance(downMs);
      const next = house.again();
      await next.tick();
      const due: string[] = [];
      for (let at = SUNDAY; at <= clock.now(); at += 30 * MINUTE) due.push(new Date(at).toISOString());
      const ran = slots(await house.runs('weekly'));
      const skipped = (await house.skips('weekly')).reduce((sum, skip) => sum + skip.count, 0);
      expect(ran.length + skipped).toBe(due.length);
      const onTime = due.filter((slot) => clock.now() - Date.parse(slot) <= 90_000);
      const missed = due.length - onTime.length;
      const late = { skip: 0, latest: Math.min(1, missed, onTime.length === 0 ? 1 : 0), all: Math.min(3, missed) }[
        policy
      ];
      expect(ran).toEqual(due.slice(due.length - onTime.length - late));
    },
  );

  test('a late run says how late and why, and one digest tells what was missed', async () => {
    const clock = manualClock(SUNDAY - 30_000);
    const jobs = [jobWith([{ when: '*/10 * * * *' }]), jobWith([{ when: '0 13 * * *' }], { name: 'daily' })];
    const house = scheduleHouse({ clock, jobs, alertsTo: [OPS] });
    await house.start();
    await house.stop();
    await clock.advance(75 * MINUTE);
    await house.again().tick();
    const [run, ...more] = await house.runs('weekly');
    expect(more).toEqual([]);
    expect(run?.schedule).toMatchObject({ slot: '2026-11-22T13:10:00.000Z', late: { ms: 270_000 } });
    expect(run?.schedule?.late?.reason).toContain('Bellhop was down 11:59-13:14 UTC');
    const items = (await house.store.listNotices({})).items.map((one) => one.notice);
    expect(items).toHaveLength(1);
    const [notice] = items;
    expect(notice?.kind).toBe('digest');
    // Nothing of the notice itself is missing: a mail of it must not say so.
    expect(notice?.report.status).toBe('ok');
    expect(notice?.report.summary).toBe('Down 2026-11-22 11:59-13:14 UTC: 9 missed, 2 run late, 7 skipped.');
    const text = JSON.stringify(notice?.report.sections);
    expect(text).toContain('`weekly`: 8 missed, ran 1');
    expect(text).toContain('`daily`: 1 missed, ran 1');
    // The next life was there all the time.
    await clock.advance(MINUTE);
    await house.again().tick();
    expect((await house.store.listNotices({})).items).toHaveLength(1);
  });

  test('a crash before the digest is stored makes it in the next life, once', async () => {
    const clock = manualClock(SUNDAY - 30_000);
    const log = silentLog;
    const real = createMemoryStore({ clock, ids: createIds(clock), log });
    let broken = true;
    const store: Store = {
      ...real,
      addNotice: (notice) => (broken ? new Promise(() => undefined) : real.addNotice(notice)),
    };
    const house = scheduleHouse({ clock, store, jobs: [jobWith([{ when: '*/10 * * * *' }])], alertsTo: [OPS] });
    await house.start();
    await house.stop();
    await clock.advance(HOUR);
    void house.again().tick();
    await clock.advance(1000);
    broken = false;
    await house.again().tick();
    await house.again().tick();
    const { items } = await real.listNotices({});
    expect(items.map((one) => one.notice.kind)).toEqual(['digest']);
    expect(await house.runs('weekly')).toHaveLength(1);
  });

  test('missed runs of an expensive job are never made up for in a burst', async () => {
    const clock = manualClock(SUNDAY - 30_000);
    const all = { when: '0 * * * *', catchUp: { policy: 'all', burst: 10 } };
    const house = scheduleHouse({ clock, jobs: [jobWith([all], { overlap: 'queue', expensive: true })] });
    await house.tick();
    await clock.advance(6 * HOUR + 5 * MINUTE);
    await house.tick();
    expect(slots(await house.runs('weekly'))).toEqual(['2026-11-22T18:00:00.000Z']);
  });
});

test('a schedule whose fields or zone nobody can read is left out, and hides neither the others nor what they missed', async () => {
  const clock = manualClock(SUNDAY - 30_000);
  const house = scheduleHouse({ clock, jobs: [jobWith([{ when: '*/10 * * * *' }])], alertsTo: [OPS] });
  const broken = { job: 'weekly', when: '0 9 * * *', cron: '0 99 * * *', zone: 'Europe/Nowhere', input: {} };
  const value = {
    spec: broken,
    origin: 'stored',
    createdAt: '2026-11-01T00:00:00.000Z',
    watermark: '2026-11-22T11:00:00.000Z',
  };
  await house.store.putDoc({ kind: 'schedule', key: 'weekly.broken', rev: 0, value });
  await house.start();
  await house.stop();
  await clock.advance(HOUR);
  const next = house.again();
  await next.tick();
  expect((await next.schedules.list()).map((one) => one.name)).toEqual(['weekly']);
  expect(await house.runs('weekly')).toHaveLength(1);
  expect((await house.store.listNotices({})).items.map((one) => one.notice.kind)).toEqual(['digest']);
});

test('an absence that a stop cut short is told by the next life, with all that was missed', async () => {
  const clock = manualClock(SUNDAY - 30_000);
  const real = createMemoryStore({ clock, ids: createIds(clock), log: silentLog });
  let stop = (): Promise<void> => Promise.resolve();
  let stopsAt: string | undefined;
  const store: Store = {
    ...real,
    advance(step) {
      if (step.schedule === stopsAt) void stop();
      return real.advance(step);
    },
  };
  const names = Array.from({ length: 40 }, (_, at) => `job-${String(at).padStart(2, '0')}`);
  const jobs = names.map((name) => jobWith([{ when: '*/10 * * * *' }], { name }));
  const house = scheduleHouse({ clock, store, jobs, alertsTo: [OPS] });
  await house.start();
  await house.stop();
  await clock.advance(HOUR);
  const cut = house.again();
  stop = () => cut.stop();
  stopsAt = 'job-03';
  await cut.tick();
  await cut.stop();
  expect((await real.listNotices({})).items).toEqual([]);
  await clock.advance(1000);
  await house.again().tick();
  const [told] = (await real.listNotices({})).items;
  expect(told?.notice.report.summary).toContain(
    'Down 2026-11-22 11:59-12:59 UTC: 240 missed, 40 run late, 200 skipped.',
  );
});
