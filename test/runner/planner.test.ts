import { describe, expect, test } from 'vitest';
import { createMemoryStore } from '../../src/store/memory.ts';
import { createIds } from '../../src/ids.ts';
import { silentLog } from '../../src/log.ts';
import type { Store } from '../../src/store/store.ts';
import { manualClock } from '../support/clock.ts';
import { finish, jobWith, OPS, scheduleHouse } from '../support/schedule-house.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** Sunday 2026-11-22 12:00 UTC. */
const SUNDAY = Date.UTC(2026, 10, 22, 12);

const slots = (runs: readonly { schedule?: { slot: string } }[]): (string | undefined)[] =>
  runs.map((run) => run.schedule?.slot);

describe('a slot becomes a run', () => {
  test('a schedule of a file runs its job on Monday at nine, with its input, its places and its due time', async () => {
    const monday = { when: 'mon 09:00', zone: 'Europe/Berlin', destinations: ['#sales'] };
    const house = scheduleHouse({ clock: manualClock(SUNDAY), jobs: [jobWith([monday])] });
    await house.tick();
    expect(await house.runs('weekly')).toEqual([]);
    await house.clock.advance(20 * HOUR);
    await house.tick();
    const [run, ...more] = await house.runs('weekly');
    expect(more).toEqual([]);
    expect(run).toMatchObject({
      job: 'weekly',
      trigger: 'schedule',
      actor: { kind: 'schedule', id: 'weekly' },
      schedule: { name: 'weekly', slot: '2026-11-23T08:00:00.000Z', zone: 'Europe/Berlin' },
      destinations: [{ kind: 'slack', channel: '#sales' }],
    });
    expect(run?.schedule?.late).toBeUndefined();
    expect(await house.doc('weekly')).toMatchObject({
      nextSlot: '2026-11-30T08:00:00.000Z',
      last: { slot: '2026-11-23T08:00:00.000Z', runId: run?.id },
    });
  });

  test('a slot of a job that needs an approval becomes a run that waits for it', async () => {
    const monday = { when: 'mon 09:00', zone: 'Europe/Berlin' };
    const jobs = [jobWith([monday], { guards: { approval: 'required' } })];
    const house = scheduleHouse({ clock: manualClock(SUNDAY), jobs });
    await house.tick();
    await house.clock.advance(20 * HOUR);
    await house.tick();
    const [run] = await house.runs('weekly');
    expect(run).toMatchObject({ state: 'waiting', trigger: 'schedule' });
    // Its card, with the buttons, stands where its report will.
    expect(run?.deliveries).toMatchObject([{ mode: 'live', destination: { kind: 'slack', channel: '#reports' } }]);
  });

  test('a slot that waits for an approval asks where notices go when its report goes to no channel', async () => {
    const more = { guards: { approval: 'required' }, destinations: ['ana@example.com'] };
    const jobs = [jobWith([{ when: 'mon 09:00', zone: 'Europe/Berlin' }], more)];
    const house = scheduleHouse({ clock: manualClock(SUNDAY), jobs, alertsTo: [OPS] });
    await house.tick();
    await house.clock.advance(20 * HOUR);
    await house.tick();
    expect((await house.runs('weekly'))[0]?.deliveries).toMatchObject([{ mode: 'live', destination: OPS }]);
  });

  test('a tick that comes twice, or two planners at once, start a slot once', async () => {
    const house = scheduleHouse({
      clock: manualClock(SUNDAY),
      jobs: [jobWith([{ when: '*/5 * * * *' }], { overlap: 'queue' })],
    });
    const rival = house.again();
    await Promise.all([house.tick(), rival.tick()]);
    for (let minute = 0; minute < 12; minute++) {
      await house.clock.advance(MINUTE);
      await Promise.all([house.tick(), rival.tick(), house.tick()]);
    }
    expect(slots(await house.runs('weekly'))).toEqual(['2026-11-22T12:05:00.000Z', '2026-11-22T12:10:00.000Z']);
    expect(await house.skips('weekly')).toEqual([]);
  });

  test('a thousand schedules that are due together are all started by one tick', async () => {
    const house = scheduleHouse({ clock: manualClock(SUNDAY), jobs: [jobWith([], { overlap: 'queue' })] });
    for (let at = 0; at < 1000; at++) {
      const spec = { job: 'weekly', when: 'mon 09:00', cron: '0 9 * * 1', zone: 'UTC', input: { at } };
      const value = {
        spec,
        origin: 'stored',
        createdAt: '2026-11-01T00:00:00.000Z',
        watermark: '2026-11-22T11:00:00.000Z',
      };
      await house.store.putDoc({ kind: 'schedule', key: `weekly.${at}`, rev: 0, value });
    }
    await house.tick();
    await house.clock.advance(21 * HOUR);
    expect(await house.tick()).toMatchObject({ planned: 1000, started: 1000, skipped: 0 });
    expect(await house.store.count({})).toMatchObject({ queued: 1000 });
    expect(await house.tick()).toMatchObject({ planned: 0, started: 0 });
  });
});

describe('the clock', () => {
  const STEPS = [5000, 8 * HOUR, 30 * DAY, -HOUR, -DAY];
  test.each(STEPS)('a step of %d ms neither doubles nor loses a slot', async (step) => {
    const clock = manualClock(SUNDAY - 30_000);
    const house = scheduleHouse({ clock, jobs: [jobWith([{ when: '*/15 * * * *' }], { overlap: 'queue' })] });
    await house.start();
    await clock.advance(20 * MINUTE);
    clock.step(step);
    await clock.advance(26 * HOUR);
    await house.stop();
    const ran = slots(await house.runs('weekly')).map((slot) => Date.parse(slot ?? ''));
    expect(new Set(ran).size).toBe(ran.length);
    const skips = await house.skips('weekly');
    const skipped = skips.reduce((sum, skip) => sum + skip.count, 0);
    const end = Date.parse((await house.doc('weekly')).watermark ?? '');
    expect(ran.length + skipped).toBe(Math.floor((end - SUNDAY) / (15 * MINUTE)) + 1);
    expect(end).toBeGreaterThan(clock.now() - HOUR);
  });

  test('an event loop that stood still for 30 s, or a bell that is silent, costs no slot', async () => {
    const clock = manualClock(SUNDAY - 30_000);
    const house = scheduleHouse({ clock, jobs: [jobWith([{ when: '* * * * *' }], { overlap: 'queue' })] });
    await house.start();
    // Only the watch rings here: the minute bell of this house makes no sound.
    for (let at = 0; at < 10; at++) {
      clock.step(30_000);
      await clock.advance(5000);
    }
    expect(slots(await house.runs('weekly'))).toEqual([
      '2026-11-22T12:00:00.000Z',
      '2026-11-22T12:01:00.000Z',
      '2026-11-22T12:02:00.000Z',
      '2026-11-22T12:03:00.000Z',
      '2026-11-22T12:04:00.000Z',
      '2026-11-22T12:05:00.000Z',
    ]);
  });
});

describe('a crash', () => {
  test('between planning and the commit leaves a slot that the next life runs, once', async () => {
    const clock = manualClock(SUNDAY - 30_000);
    const real = createMemoryStore({ clock, ids: createIds(clock), log: silentLog });
    let dies: 'before' | 'after' | 'never' = 'never';
    const store: Store = {
      ...real,
      async advance(step) {
        if (dies === 'before') return new Promise(() => undefined);
        const outcome = await real.advance(step);
        return dies === 'after' ? new Promise(() => undefined) : outcome;
      },
    };
    const house = scheduleHouse({ clock, store, jobs: [jobWith([{ when: '*/10 * * * *' }], { overlap: 'queue' })] });
    await house.tick();
    for (const when of ['before', 'after', 'before', 'after'] as const) {
      dies = when;
      await clock.advance(10 * MINUTE);
      void house.again().tick();
      await clock.advance(1000);
      dies = 'never';
      await house.again().tick();
    }
    expect(slots(await house.runs('weekly'))).toEqual([
      '2026-11-22T12:00:00.000Z',
      '2026-11-22T12:10:00.000Z',
      '2026-11-22T12:20:00.000Z',
      '2026-11-22T12:30:00.000Z',
    ]);
    expect(await house.skips('weekly')).toEqual([]);
  });

  test('a store that fails for one schedule does not hold up the others, and the slot is planned later', async () => {
    const clock = manualClock(SUNDAY - 30_000);
    const real = createMemoryStore({ clock, ids: createIds(clock), log: silentLog });
    let failing = true;
    const store: Store = {
      ...real,
      advance: (step) =>
        failing && step.schedule === 'weekly' ? Promise.reject(new Error('no disk')) : real.advance(step),
    };
    failing = false;
    const jobs = [jobWith([{ when: '*/10 * * * *' }]), jobWith([{ when: '*/10 * * * *' }], { name: 'other' })];
    const house = scheduleHouse({ clock, store, jobs });
    await house.tick();
    failing = true;
    await clock.advance(MINUTE);
    await house.tick();
    expect(await house.runs('weekly')).toHaveLength(0);
    expect(await house.runs('other')).toHaveLength(1);
    failing = false;
    await house.tick();
    expect(await house.runs('weekly')).toHaveLength(1);
  });
});

describe('overlap', () => {
  async function twoSlots(overlap: string) {
    const clock = manualClock(SUNDAY - 30_000);
    const house = scheduleHouse({ clock, jobs: [jobWith([{ when: '*/10 * * * *' }], { overlap })] });
    await house.tick();
    await clock.advance(MINUTE);
    await house.tick();
    await clock.advance(10 * MINUTE);
    await house.tick();
    return house;
  }

  test('skip: the slot is left out while the run before it is not over, and says which', async () => {
    const house = await twoSlots('skip');
    const [first, ...more] = await house.runs('weekly');
    expect(more).toEqual([]);
    expect((await house.skips('weekly')).map((skip) => skip.reason)).toEqual([
      `The run before it, ${first?.id ?? ''}, is not over.`,
    ]);
    await finish(house.store, first?.id ?? '');
    await house.clock.advance(10 * MINUTE);
    await house.tick();
    expect(await house.runs('weekly')).toHaveLength(2);
  });

  test('queue: the slot waits in line', async () => {
    const house = await twoSlots('queue');
    expect((await house.runs('weekly')).map((run) => run.state)).toEqual(['queued', 'queued']);
  });

  test('cancel-previous: the run before it is cancelled by the schedule', async () => {
    const house = await twoSlots('cancel-previous');
    const runs = await house.runs('weekly');
    expect(runs.map((run) => run.state)).toEqual(['cancelled', 'queued']);
    expect(runs[0]?.cancelledBy).toEqual({ kind: 'schedule', id: 'weekly' });
  });
});

describe('guards', () => {
  test('a refused slot is a skip with the reason, and the runs of one tick are counted', async () => {
    const seen: number[] = [];
    const house = scheduleHouse({
      clock: manualClock(SUNDAY - 30_000),
      jobs: [jobWith([{ when: '0 * * * *', catchUp: 'all' }], { overlap: 'queue' })],
      guards: {
        check: ({ tickStarts }) => {
          seen.push(tickStarts);
          if (tickStarts < 2) return Promise.resolve({ ok: true });
          return Promise.resolve({
            ok: false,
            code: 'CAP_REACHED',
            reason: 'It starts at most 2 in a minute.',
            hint: '',
          });
        },
      },
    });
    await house.tick();
    await house.clock.advance(3 * HOUR);
    await house.tick();
    expect(seen).toEqual([0, 1, 2]);
    expect(await house.runs('weekly')).toHaveLength(2);
    expect(await house.skips('weekly')).toEqual([
      {
        from: '2026-11-22T14:00:00.000Z',
        to: '2026-11-22T14:00:00.000Z',
        count: 1,
        reason: 'It starts at most 2 in a minute.',
      },
    ]);
  });
});

describe('schedules of files', () => {
  const at = (when: string, more: Record<string, unknown> = {}): unknown => jobWith([{ when, ...more }]);

  test('a schedule that is new, or has other times, begins now', async () => {
    const house = scheduleHouse({ clock: manualClock(SUNDAY), jobs: [at('0 9 * * *')] });
    await house.tick();
    await house.clock.advance(20 * HOUR);
    house.registry.set([at('0 * * * *')]);
    await house.tick();
    expect(await house.runs('weekly')).toEqual([]);
    expect((await house.doc('weekly')).nextSlot).toBe('2026-11-23T09:00:00.000Z');
    await house.clock.advance(HOUR);
    await house.tick();
    expect(slots(await house.runs('weekly'))).toEqual(['2026-11-23T09:00:00.000Z']);
  });

  test('another place or input changes no slot', async () => {
    const house = scheduleHouse({ clock: manualClock(SUNDAY), jobs: [at('0 13 * * *')] });
    await house.tick();
    await house.clock.advance(HOUR + 1000);
    house.registry.set([at('0 13 * * *', { destinations: ['#other'] })]);
    await house.tick();
    const [run] = await house.runs('weekly');
    expect(run).toMatchObject({ destinations: [{ kind: 'slack', channel: '#other' }] });
  });

  test('one that its file no longer names rests, and goes on from now when it is named again', async () => {
    const house = scheduleHouse({ clock: manualClock(SUNDAY), jobs: [at('0 * * * *')] });
    await house.tick();
    house.registry.set([jobWith([])]);
    await house.tick();
    await house.clock.advance(5 * HOUR);
    await house.tick();
    expect(await house.runs('weekly')).toEqual([]);
    expect((await house.doc('weekly')).gone).toBe(true);
    house.registry.set([at('0 * * * *')]);
    await house.tick();
    await house.clock.advance(HOUR);
    await house.tick();
    expect(slots(await house.runs('weekly'))).toEqual(['2026-11-22T18:00:00.000Z']);
    expect(await house.skips('weekly')).toEqual([]);
  });

  test('the slot of a job that is missing is a skip that says so', async () => {
    const house = scheduleHouse({ clock: manualClock(SUNDAY) });
    const spec = { job: 'lost', when: '0 * * * *', cron: '0 * * * *', zone: 'UTC', input: {} };
    const value = {
      spec,
      origin: 'stored',
      createdAt: '2026-11-01T00:00:00.000Z',
      watermark: '2026-11-22T12:00:00.000Z',
    };
    await house.store.putDoc({ kind: 'schedule', key: 'lost', rev: 0, value });
    await house.tick();
    await house.clock.advance(HOUR);
    await house.tick();
    expect((await house.skips('lost')).map((skip) => skip.reason)).toEqual([
      'There is no job lost: its file is missing or broken.',
    ]);
  });
});

describe('when the store has no room', () => {
  test('a slot that the queue does not take is due until it does', async () => {
    const clock = manualClock(SUNDAY - 30_000);
    const store = createMemoryStore({ clock, ids: createIds(clock), log: silentLog }, { maxUnfinished: 1 });
    const house = scheduleHouse({ clock, store, jobs: [jobWith([{ when: '0 12 * * *' }])] });
    await house.tick();
    await house.runner.submit({
      job: 'weekly',
      input: {},
      as: 'json',
      actor: { kind: 'operator', id: 'op' },
      trigger: 'cli',
    });
    await clock.advance(MINUTE);
    await house.tick();
    expect(await house.runs('weekly')).toEqual([]);
    const [held] = (await store.list({})).items;
    await finish(store, held?.id ?? '');
    await house.tick();
    expect(slots(await house.runs('weekly'))).toEqual(['2026-11-22T12:00:00.000Z']);
  });
});

test('due times that are left out are one range only while nothing ran between them', async () => {
  const house = scheduleHouse({
    clock: manualClock(SUNDAY - 2 * DAY),
    jobs: [jobWith([{ when: '0 13 * * *', days: 'business' }], { overlap: 'queue' })],
  });
  for (let day = 0; day < 18; day++) {
    await house.tick();
    await house.clock.advance(DAY);
  }
  const ranges = (await house.skips('weekly')).map(({ from, to, count }) => [
    from.slice(0, 10),
    to.slice(0, 10),
    count,
  ]);
  expect(ranges).toEqual([
    ['2026-11-21', '2026-11-22', 2],
    ['2026-11-28', '2026-11-29', 2],
    ['2026-12-05', '2026-12-06', 2],
  ]);
});
