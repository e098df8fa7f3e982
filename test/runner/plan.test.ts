import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { planSchedule } from '../../src/runner/plan.ts';
import type { PlanInput, PlanStep } from '../../src/runner/plan.ts';
import { createTimetable } from '../../src/runner/time/slots.ts';
import { Schedule } from '../../src/store/schedule-records.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const ana = { kind: 'slack', id: 'U1', name: 'ana' } as const;
const iso = (ms: number): string => new Date(ms).toISOString();
const utc = (text: string): number => Date.parse(`${text}Z`);

interface Wish {
  cron?: string;
  zone?: string;
  watermark?: number;
  spec?: object;
  over?: object;
}
function schedule({ cron = '0 * * * *', zone = 'UTC', watermark, spec, over }: Wish = {}): Schedule {
  return Schedule.parse({
    spec: { job: 'weekly-report', when: 'as typed', cron, zone, input: {}, ...spec },
    origin: 'file',
    createdAt: '2026-01-01T00:00:00.000Z',
    ...(watermark !== undefined && { watermark: iso(watermark) }),
    ...over,
  });
}

/** Plans as the planner does, until there is nothing more to do now. */
function catchUp(start: Schedule, now: number, over: Partial<PlanInput> = {}): { doc: Schedule; steps: PlanStep[] } {
  const steps: PlanStep[] = [];
  let doc = start;
  for (;;) {
    const step = planSchedule({ schedule: doc, now, maxStarts: 100, ...over });
    if (step === undefined) return { doc, steps };
    expect(Date.parse(step.watermark)).toBeGreaterThanOrEqual(Date.parse(doc.watermark ?? step.watermark));
    steps.push(step);
    if (steps.length > 3_000) throw new Error('it does not come to an end');
    doc = { ...doc, watermark: step.watermark, nextSlot: step.nextSlot };
    if (!step.more) return { doc, steps };
  }
}
const startsOf = (steps: readonly PlanStep[]): PlanStep['starts'] => steps.flatMap((step) => step.starts);
const skipsOf = (steps: readonly PlanStep[]): PlanStep['skips'] => steps.flatMap((step) => step.skips);
const slotsOf = (steps: readonly PlanStep[]): string[] => startsOf(steps).map((one) => one.slot.slice(0, 16));
const rangesOf = (steps: readonly PlanStep[]): string[] =>
  skipsOf(steps).map((one) => `${one.from.slice(5, 16)} ${one.to.slice(5, 16)} ${one.count} ${one.reason}`);

const NINE = utc('2026-11-22T09:00');

describe('a schedule in its ordinary life', () => {
  test('seen for the first time it starts nothing and knows when it is due', () => {
    expect(planSchedule({ schedule: schedule(), now: NINE, maxStarts: 9 })).toEqual({
      watermark: iso(NINE),
      nextSlot: iso(NINE + HOUR),
      starts: [],
      skips: [],
      more: false,
    });
  });
  test('what is due starts once, and is not late', () => {
    const doc = schedule({ watermark: NINE - MINUTE });
    const step = planSchedule({ schedule: doc, now: NINE + 400, maxStarts: 9 });
    expect(step).toEqual({
      watermark: iso(NINE + 400),
      nextSlot: iso(NINE + HOUR),
      starts: [{ slot: iso(NINE) }],
      skips: [],
      more: false,
    });
    const after = { ...doc, watermark: iso(NINE + 400), nextSlot: iso(NINE + HOUR) };
    expect(planSchedule({ schedule: after, now: NINE + 5_400, maxStarts: 9 })).toBeUndefined();
  });
  test('a due time on the watermark was handled, one on this very instant is due', () => {
    expect(slotsOf(catchUp(schedule({ watermark: NINE }), NINE + MINUTE).steps)).toEqual([]);
    expect(slotsOf(catchUp(schedule({ watermark: NINE - 1 }), NINE).steps)).toEqual(['2026-11-22T09:00']);
  });
  test('until 90 s it is on time, after that it was missed', () => {
    const doc = schedule({ watermark: NINE - MINUTE, spec: { catchUp: { policy: 'skip' } } });
    expect(slotsOf(catchUp(doc, NINE + 90 * SECOND).steps)).toEqual(['2026-11-22T09:00']);
    expect(rangesOf(catchUp(doc, NINE + 90 * SECOND + 1).steps)).toEqual([
      '11-22T09:00 11-22T09:00 1 Bellhop did not look when it was due; what was missed is skipped',
    ]);
  });
  test('with nothing due nothing is stored, but a next due time that is missing or wrong', () => {
    const doc = schedule({ watermark: NINE });
    const nextSlot = iso(NINE + HOUR);
    expect(planSchedule({ schedule: doc, now: NINE + MINUTE, maxStarts: 9 })).toMatchObject({
      watermark: iso(NINE),
      nextSlot,
    });
    expect(planSchedule({ schedule: { ...doc, nextSlot }, now: NINE + MINUTE, maxStarts: 9 })).toBeUndefined();
    const stale = { ...doc, nextSlot: iso(NINE + 2 * HOUR) };
    expect(planSchedule({ schedule: stale, now: NINE + MINUTE, maxStarts: 9 })).toMatchObject({ nextSlot });
  });
  test('paused or gone it plans nothing', () => {
    const paused = { paused: { since: iso(NINE), by: ana } };
    for (const over of [paused, { gone: true }])
      expect(planSchedule({ schedule: schedule({ watermark: 0, over }), now: NINE, maxStarts: 9 })).toBeUndefined();
  });
});

describe('after a time in which nobody planned', () => {
  const down = { from: utc('2026-11-22T22:39'), to: utc('2026-11-22T22:45') };

  test('people are told how late it is, and why', () => {
    const doc = schedule({ cron: '40 22 * * *', watermark: down.from });
    const { steps } = catchUp(doc, down.to + SECOND, { absence: down });
    expect(startsOf(steps)).toEqual([
      {
        slot: '2026-11-22T22:40:00.000Z',
        late: { ms: 5 * MINUTE + SECOND, reason: 'Bellhop was down 22:39-22:45 UTC' },
      },
    ]);
  });
  test('an absence over midnight names its days, and explains only what fell into it', () => {
    const absence = { from: utc('2026-11-21T23:30'), to: utc('2026-11-22T02:30') };
    const doc = schedule({ watermark: utc('2026-11-21T22:30'), spec: { catchUp: { policy: 'skip' } } });
    expect(rangesOf(catchUp(doc, utc('2026-11-22T03:30'), { absence }).steps)).toEqual([
      '11-21T23:00 11-21T23:00 1 Bellhop did not look when it was due; what was missed is skipped',
      '11-22T00:00 11-22T02:00 3 Bellhop was down 2026-11-21 23:30 to 2026-11-22 02:30 UTC; what was missed is skipped',
      '11-22T03:00 11-22T03:00 1 Bellhop did not look when it was due; what was missed is skipped',
    ]);
  });

  const late = 30 * MINUTE;
  const pasts = {
    '1 s': SECOND,
    '1 min': MINUTE,
    '5 min': 5 * MINUTE,
    '1 h': HOUR,
    '23 h': 23 * HOUR,
    '2 d': 2 * DAY,
    '40 d': 40 * DAY,
  };
  const policies = ['skip', 'latest', 'all'] as const;
  const cases = Object.entries(pasts).flatMap(([name, gone]) => policies.map((policy) => ({ name, gone, policy })));

  test.each(cases)('down $name with $policy: each due time is a start or in one skip', ({ gone, policy }) => {
    for (const cron of ['* * * * *', '*/15 * * * *', '0 * * * *', '0 9 * * 1']) {
      const doc = schedule({ cron, watermark: NINE + late - gone, spec: { catchUp: { policy, burst: 4 } } });
      const { steps, doc: after } = catchUp(doc, NINE + late, {
        absence: { from: NINE + late - gone, to: NINE + late },
      });
      const timetable = createTimetable({ cron, zone: 'UTC' });
      const due = timetable.between(NINE + late - gone, NINE + late, 100_000).slots.map(({ at }) => at);
      const onTime = due.filter((at) => NINE + late - at <= 90 * SECOND);
      const missed = due.filter((at) => NINE + late - at > 90 * SECOND && NINE + late - at <= DAY);
      const latest = onTime.length > 0 ? 0 : 1;
      const run = { skip: 0, latest, all: 4 }[policy];
      expect(startsOf(steps).map(({ slot }) => Date.parse(slot))).toEqual([
        ...missed.slice(missed.length - Math.min(run, missed.length)),
        ...onTime,
      ]);
      expect(skipsOf(steps).reduce((sum, { count }) => sum + count, 0)).toBe(due.length - startsOf(steps).length);
      expect(skipsOf(steps).length).toBeLessThanOrEqual(2);
      expect(steps.length).toBeLessThanOrEqual(1);
      if (due.length > 0) expect(after.watermark).toBe(iso(NINE + late));
    }
  });

  test('the window bounds what is run after all, and says so', () => {
    const spec = { catchUp: { policy: 'all', windowMs: 3 * HOUR, burst: 24 } };
    const { steps } = catchUp(schedule({ watermark: NINE - 12 * HOUR, spec }), NINE + 30 * MINUTE);
    expect(slotsOf(steps)).toEqual(['2026-11-22T07:00', '2026-11-22T08:00', '2026-11-22T09:00']);
    expect(rangesOf(steps)).toEqual(['11-21T22:00 11-22T06:00 9 Bellhop did not look when it was due; older than 3 h']);
    const exactly = catchUp(schedule({ watermark: NINE - 12 * HOUR, spec }), NINE);
    expect(slotsOf(exactly.steps)[0]).toBe('2026-11-22T06:00');
  });
  test('the burst bounds what is run after all, newest first chosen, oldest first run', () => {
    const spec = { catchUp: { policy: 'all', burst: 2 } };
    const { steps } = catchUp(schedule({ watermark: NINE - 6 * HOUR, spec }), NINE + 30 * MINUTE);
    expect(slotsOf(steps)).toEqual(['2026-11-22T08:00', '2026-11-22T09:00']);
    expect(rangesOf(steps)).toEqual([
      '11-22T04:00 11-22T07:00 4 Bellhop did not look when it was due; only the newest 2 are run',
    ]);
  });
  test('under `latest` a due time of right now is the latest, so that one run follows an outage', () => {
    const { steps } = catchUp(schedule({ watermark: NINE - 6 * HOUR }), NINE + 10 * SECOND);
    expect(startsOf(steps)).toEqual([{ slot: iso(NINE) }]);
    expect(rangesOf(steps)).toEqual([
      '11-22T04:00 11-22T08:00 5 Bellhop did not look when it was due; only the latest is run',
    ]);
  });
  test('the latest is the newest of all, also behind one that was skipped', () => {
    const over = { skipNext: { slot: iso(NINE - HOUR), by: ana } };
    const { steps } = catchUp(schedule({ watermark: NINE - 3 * HOUR, over }), NINE + 10 * MINUTE);
    expect(slotsOf(steps)).toEqual(['2026-11-22T09:00']);
    expect(skipsOf(steps).map(({ count }) => count)).toEqual([1, 1]);
  });
  test('the latest is the newest that may run at all', () => {
    const over = { skipNext: { slot: iso(NINE), by: ana } };
    const { steps } = catchUp(schedule({ watermark: NINE - 3 * HOUR, over }), NINE + 10 * MINUTE);
    expect(slotsOf(steps)).toEqual(['2026-11-22T08:00']);
    expect(rangesOf(steps)).toEqual([
      '11-22T07:00 11-22T07:00 1 Bellhop did not look when it was due; only the latest is run',
      '11-22T09:00 11-22T09:00 1 Skipped by ana',
    ]);
  });
});

describe('when the clock steps', () => {
  const hourly = schedule({ watermark: NINE + MINUTE });

  test('5 s or 8 hours or 30 days forward: what was jumped over is missed once', () => {
    expect(slotsOf(catchUp(hourly, NINE + HOUR + 5 * SECOND).steps)).toEqual(['2026-11-22T10:00']);
    const eight = catchUp(hourly, NINE + 8 * HOUR + 30 * MINUTE);
    expect(slotsOf(eight.steps)).toEqual(['2026-11-22T17:00']);
    expect(rangesOf(eight.steps)).toEqual([
      '11-22T10:00 11-22T16:00 7 Bellhop did not look when it was due; only the latest is run',
    ]);
    const month = catchUp(hourly, NINE + 30 * DAY + 30 * MINUTE);
    expect(slotsOf(month.steps)).toEqual(['2026-12-22T09:00']);
    expect(skipsOf(month.steps).map(({ count }) => count)).toEqual([29 * 24, 23]);
  });
  test('an hour or a day back: nothing runs twice, and it goes on when the time comes again', () => {
    for (const step of [HOUR, DAY])
      for (const passed of [0, MINUTE, step / 2, step])
        expect(planSchedule({ schedule: hourly, now: NINE + MINUTE - step + passed, maxStarts: 9 })).toBeUndefined();
    expect(slotsOf(catchUp(hourly, NINE + HOUR).steps)).toEqual(['2026-11-22T10:00']);
  });
  test('a block of 30 s makes nothing late', () => {
    const minutely = schedule({ cron: '* * * * *', watermark: NINE + SECOND });
    expect(startsOf(catchUp(minutely, NINE + MINUTE + 30 * SECOND).steps)).toEqual([{ slot: iso(NINE + MINUTE) }]);
  });
});

describe('what is not to be run is skipped with its reason', () => {
  const late = NINE + 30 * MINUTE;
  const all = { catchUp: { policy: 'all', burst: 24 } };

  test('snoozed until an instant, with it', () => {
    const over = { snoozed: { until: iso(NINE - HOUR), by: ana } };
    const { steps } = catchUp(schedule({ watermark: NINE - 3 * HOUR, spec: all, over }), late);
    expect(rangesOf(steps)).toEqual(['11-22T07:00 11-22T08:00 2 Snoozed until 2026-11-22 08:00 UTC by ana']);
    expect(slotsOf(steps)).toEqual(['2026-11-22T09:00']);
  });
  test('a snooze also bars what is due right now', () => {
    const over = { snoozed: { until: iso(NINE + DAY), by: ana } };
    const { steps } = catchUp(schedule({ watermark: NINE - MINUTE, over }), NINE);
    expect([slotsOf(steps), rangesOf(steps)]).toEqual([
      [],
      ['11-22T09:00 11-22T09:00 1 Snoozed until 2026-11-23 09:00 UTC by ana'],
    ]);
  });
  test('the one that a person skipped, and none beside it', () => {
    const over = { skipNext: { slot: iso(NINE - HOUR), by: { kind: 'operator', id: 'root@host' } } };
    const { steps } = catchUp(schedule({ watermark: NINE - 3 * HOUR, spec: all, over }), late);
    expect(rangesOf(steps)).toEqual(['11-22T08:00 11-22T08:00 1 Skipped by root@host']);
    expect(slotsOf(steps)).toEqual(['2026-11-22T07:00', '2026-11-22T09:00']);
  });
  test('a blackout, from its beginning until just before its end', () => {
    const blackouts = [{ from: iso(NINE - 2 * HOUR), to: iso(NINE), reason: 'release freeze' }];
    const { steps } = catchUp(schedule({ watermark: NINE - 4 * HOUR, spec: { ...all, blackouts } }), late);
    expect(rangesOf(steps)).toEqual(['11-22T07:00 11-22T08:00 2 Blackout: release freeze']);
    expect(slotsOf(steps)).toEqual(['2026-11-22T06:00', '2026-11-22T09:00']);
  });
  test('weekends and holidays are days of the zone', () => {
    const spec = {
      days: 'business',
      holidays: ['2026-11-23'],
      catchUp: { policy: 'all', burst: 24, windowMs: 10 * DAY },
    };
    const doc = schedule({ cron: '30 0,12 * * *', zone: 'Pacific/Auckland', watermark: utc('2026-11-20T00:00'), spec });
    const { steps } = catchUp(doc, utc('2026-11-24T00:00'));
    // 20 November ends at 11:00 UTC there; it is a Friday.
    expect(rangesOf(steps)).toEqual([
      '11-20T11:30 11-21T23:30 4 Not a business day',
      '11-22T11:30 11-22T23:30 2 2026-11-23 is a holiday',
    ]);
    expect(slotsOf(steps)).toEqual(['2026-11-23T11:30', '2026-11-23T23:30']);
  });
  test('a day that comes back for some minutes is that day again', () => {
    const spec = { holidays: ['2010-11-06'], catchUp: { policy: 'all', burst: 24 } };
    // In St John's, 7 November 2010 was a minute old when the clock went back to 23:01 of the 6th.
    const doc = schedule({ cron: '30 * * * *', zone: 'America/St_Johns', watermark: utc('2010-11-06T22:30'), spec });
    const { steps } = catchUp(doc, utc('2010-11-07T05:30'));
    expect(rangesOf(steps)).toEqual(['11-06T23:00 11-07T03:00 5 2010-11-06 is a holiday']);
    expect(slotsOf(steps)).toEqual(['2010-11-07T04:00', '2010-11-07T05:00']);
  });
  test('two ranges of one reason stay two when something ran between them', () => {
    const reason = 'stand-up';
    const blackouts = [NINE - 3 * HOUR, NINE - HOUR].map((at) => ({ from: iso(at), to: iso(at + 1), reason }));
    const { steps } = catchUp(schedule({ watermark: NINE - 4 * HOUR, spec: { ...all, blackouts } }), late);
    expect(rangesOf(steps)).toEqual([
      '11-22T06:00 11-22T06:00 1 Blackout: stand-up',
      '11-22T08:00 11-22T08:00 1 Blackout: stand-up',
    ]);
  });
});

describe('bounds', () => {
  test('what may not start at this tick waits, is not lost, and does not widen the burst', () => {
    const spec = { catchUp: { policy: 'all', burst: 5 } };
    const doc = schedule({ watermark: NINE - 9 * HOUR, spec });
    const first = planSchedule({ schedule: doc, now: NINE + HOUR / 2, maxStarts: 2 });
    expect(first).toMatchObject({ more: true, nextSlot: iso(NINE - 2 * HOUR) });
    expect(first?.starts.map(({ slot }) => slot)).toEqual([iso(NINE - 4 * HOUR), iso(NINE - 3 * HOUR)]);
    expect(slotsOf(catchUp(doc, NINE + HOUR / 2, { maxStarts: 2 }).steps)).toHaveLength(5);
    expect(planSchedule({ schedule: schedule({ watermark: NINE - 1 }), now: NINE, maxStarts: 0 })).toBeUndefined();
  });
  test('two years of minutes on business days take some steps of at most 50 ranges, and one run', () => {
    const spec = { days: 'business' };
    const doc = schedule({ cron: '* * * * *', zone: 'Europe/Berlin', watermark: NINE - 730 * DAY, spec });
    const { steps } = catchUp(doc, utc('2026-11-23T12:00:30'));
    expect(Math.max(...steps.map(({ skips }) => skips.length))).toBe(50);
    expect(steps.length).toBeLessThan(8);
    expect(slotsOf(steps)).toEqual(['2026-11-23T11:59', '2026-11-23T12:00']);
  });
  test('a watermark of long ago is brought up to now', () => {
    for (const cron of ['* * * * *', '0 9 29 2 *']) {
      const { doc, steps } = catchUp(schedule({ cron, watermark: 0 }), NINE);
      expect(planSchedule({ schedule: doc, now: NINE, maxStarts: 9 })).toBeUndefined();
      expect(steps.length).toBeLessThan(60);
      const total = skipsOf(steps).reduce((sum, { count }) => sum + count, 0) + startsOf(steps).length;
      expect(total).toBe(createTimetable({ cron, zone: 'UTC' }).count(0, NINE).count);
    }
  });
  test('a document whose due times cannot be read is refused by name', () => {
    const doc = schedule({ cron: 'every full moon' });
    expect(() => planSchedule({ schedule: doc, now: NINE, maxStarts: 1 })).toThrow(
      expect.objectContaining({ code: 'INPUT_INVALID' }),
    );
  });
});

describe('whatever happens', () => {
  const crons = ['*/5 * * * *', '40 * * * *', '15 2 * * *', '0 9 * * 1', '30 1,2 * * 0,6'];
  const zones = ['UTC', 'America/New_York', 'Australia/Lord_Howe', 'Africa/Cairo'];
  const act = fc.oneof(
    { weight: 6, arbitrary: fc.record({ act: fc.constant('tick'), ms: fc.integer({ min: 0, max: 3 * HOUR }) }) },
    { weight: 2, arbitrary: fc.record({ act: fc.constant('away'), ms: fc.integer({ min: 0, max: 45 * DAY }) }) },
    { weight: 1, arbitrary: fc.record({ act: fc.constant('back'), ms: fc.integer({ min: 0, max: 2 * DAY }) }) },
    { weight: 1, arbitrary: fc.record({ act: fc.constant('pause'), ms: fc.integer({ min: 0, max: DAY }) }) },
    { weight: 1, arbitrary: fc.record({ act: fc.constant('snooze'), ms: fc.integer({ min: 0, max: 3 * DAY }) }) },
    { weight: 1, arbitrary: fc.record({ act: fc.constant('skip'), ms: fc.constant(0) }) },
  );
  const story = fc.record({
    cron: fc.constantFrom(...crons),
    zone: fc.constantFrom(...zones),
    begin: fc.constantFrom(utc('2026-03-01T00:00'), utc('2026-10-20T00:00'), utc('2026-04-20T00:00')),
    policy: fc.constantFrom('skip', 'latest', 'all'),
    days: fc.constantFrom('all', 'business'),
    maxStarts: fc.integer({ min: 1, max: 3 }),
    acts: fc.array(act, { maxLength: 15 }),
  });

  test('each due time ends in exactly one of a start and a skip, and the watermark only grows', () => {
    fc.assert(
      fc.property(story, ({ cron, zone, begin, policy, days, maxStarts, acts }) => {
        const timetable = createTimetable({ cron, zone });
        const spec = { days, catchUp: { policy, burst: 3 }, holidays: ['2026-03-10', '2026-10-28'] };
        let doc = schedule({ cron, zone, watermark: begin, spec });
        let now = begin;
        const ends: number[] = [];
        const end = (after: number, until: number, count: number): void => {
          const { slots } = timetable.between(after, until, 1_000_000);
          expect(slots.length).toBe(count);
          ends.push(...slots.map(({ at }) => at));
        };
        const plan = (absence?: PlanInput['absence']): void => {
          const { doc: next, steps } = catchUp(doc, now, { maxStarts, ...(absence && { absence }) });
          for (const { skips, starts } of steps) {
            expect(starts.length).toBeLessThanOrEqual(maxStarts);
            for (const { from, to, count } of skips) end(Date.parse(from) - 1, Date.parse(to), count);
            ends.push(...starts.map(({ slot }) => Date.parse(slot)));
            for (const [index, { reason, to }] of skips.entries()) {
              const after = skips[index + 1];
              if (after === undefined || after.reason !== reason) continue;
              // Two ranges of one reason have something between them.
              const between = starts.some(({ slot }) => slot > to && slot < after.from);
              expect(between).toBe(true);
            }
          }
          doc = next;
        };
        for (const { act: what, ms } of acts) {
          const before = now;
          now += what === 'back' ? -ms : ms;
          if (what === 'snooze') doc = { ...doc, snoozed: { until: iso(now + ms), by: ana } };
          if (what === 'skip') doc = { ...doc, skipNext: { slot: doc.nextSlot ?? iso(now), by: ana } };
          if (what === 'pause') {
            // As resume does it: one range for all of the pause.
            const from = Date.parse(doc.watermark ?? iso(begin));
            if (now <= from) continue;
            const { count, first, last } = timetable.count(from, now);
            if (first !== undefined && last !== undefined) end(first - 1, last, count);
            doc = { ...doc, watermark: iso(now), nextSlot: null };
          } else plan(what === 'away' ? { from: before, to: now } : undefined);
        }
        const until = Date.parse(doc.watermark ?? '');
        const due = timetable.between(begin, until, 1_000_000).slots.map(({ at }) => at);
        // Within a step the skips stand before the starts.
        ends.sort((a, b) => a - b);
        expect(ends.length).toBe(due.length);
        expect(due.findIndex((at, index) => ends[index] !== at)).toBe(-1);
      }),
      { numRuns: 120 },
    );
  }, 60_000);
});
