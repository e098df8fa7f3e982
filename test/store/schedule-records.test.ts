import { describe, expect, test } from 'vitest';
import { ScheduleName } from '../../src/store/records.ts';
import { Schedule, ScheduleSpec } from '../../src/store/schedule-records.ts';

const spec = { job: 'weekly-report', when: 'mon 09:00', cron: '0 9 * * 1', zone: 'Europe/Berlin', input: {} };
const schedule = { spec, origin: 'file', createdAt: '2026-11-22T03:00:00.000Z' };

describe('the document of a schedule', () => {
  test('what was not asked for is catching up the latest of a day, every day, and an alert for each failure', () => {
    expect(Schedule.parse(schedule)).toEqual({
      ...schedule,
      spec: {
        ...spec,
        catchUp: { policy: 'latest', windowMs: 86_400_000, burst: 5 },
        days: 'all',
        holidays: [],
        blackouts: [],
        alert: { after: 1, coolDownMs: 3_600_000 },
        lateAfterMs: 900_000,
      },
    });
  });
  test('a spec names its job and its zone', () => {
    expect(ScheduleSpec.safeParse(spec).success).toBe(true);
    expect(ScheduleSpec.safeParse({ ...spec, zone: undefined }).success).toBe(false);
    expect(ScheduleSpec.safeParse({ ...spec, job: 'Weekly Report' }).success).toBe(false);
  });
  test('fields of a later version stay in it', () => {
    expect(Schedule.parse({ ...schedule, colour: 'red' })).toMatchObject({ colour: 'red' });
  });
  test('what is out of bounds is refused', () => {
    const bad = [
      { spec: { ...spec, catchUp: { burst: 25 } } },
      { spec: { ...spec, catchUp: { windowMs: 1_000 } } },
      { spec: { ...spec, when: 'x'.repeat(121) } },
      { spec: { ...spec, holidays: ['24.12.2026'] } },
      { spec: { ...spec, blackouts: [{ from: schedule.createdAt, to: schedule.createdAt, reason: 'freeze' }] } },
      { watermark: 'yesterday' },
      { gone: false },
    ];
    const taken = bad.filter((change) => Schedule.safeParse({ ...schedule, ...change }).success);
    expect(taken).toEqual([]);
  });
  test('`status` and `all` name no schedule', () => {
    const names = ['weekly-report', 'weekly-report.monday', 'a', '9', 'status', 'all', 'Weekly', '-a', 'a b', ''];
    expect(names.filter((name) => ScheduleName.safeParse(name).success)).toEqual(names.slice(0, 4));
  });
});
