import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseCron } from '../../../src/runner/time/cron.ts';
import { MAX_WHEN, readWhen } from '../../../src/runner/time/spec.ts';
import { createTimetable } from '../../../src/runner/time/slots.ts';
import { checkZone } from '../../../src/runner/time/zone.ts';

const cronOf = (text: string): string => {
  const read = readWhen(text);
  return read.ok ? read.when.cron : `refused: ${read.problem}`;
};
const wordsOf = (text: string): string => {
  const read = readWhen(text);
  return read.ok ? read.when.words : `refused: ${read.problem}`;
};

describe('words', () => {
  test.each([
    ['mon 09:00', '0 9 * * 1', 'every Monday at 09:00'],
    ['every monday 9:00', '0 9 * * 1', 'every Monday at 09:00'],
    ['Every Monday and Thursday at 9am', '0 9 * * 1,4', 'every Monday and Thursday at 09:00'],
    ['mon, wed and fri at 12:15', '15 12 * * 1,3,5', 'every Monday, Wednesday and Friday at 12:15'],
    ['mon-thu 7:30pm', '30 19 * * 1-4', 'every Monday, Tuesday, Wednesday and Thursday at 19:30'],
    ['weekdays 08:30', '30 8 * * 1-5', 'on weekdays at 08:30'],
    ['at 9 am on weekdays', '0 9 * * 1-5', 'on weekdays at 09:00'],
    ['weekdays at 9 and 5pm', '0 9,17 * * 1-5', 'on weekdays at 09:00 and 17:00'],
    ['sat-sun 10:00', '0 10 * * 0,6', 'on weekends at 10:00'],
    ['sundays at noon', '0 12 * * 0', 'every Sunday at 12:00'],
    ['daily 07:00', '0 7 * * *', 'every day at 07:00'],
    ['every day at 7', '0 7 * * *', 'every day at 07:00'],
    ['every day at midnight', '0 0 * * *', 'every day at 00:00'],
    ['daily 12am', '0 0 * * *', 'every day at 00:00'],
    ['hourly', '0 * * * *', 'every hour'],
    ['every hour at :15', '15 * * * *', 'every hour at :15'],
    ['every minute', '* * * * *', 'every minute'],
    ['every 15 minutes', '*/15 * * * *', 'every 15 minutes'],
    ['every 2 hours', '0 */2 * * *', 'every 2 hours'],
    ['every 6 hours at :05', '5 */6 * * *', 'every 6 hours at :05'],
    ['monthly on the 1st 09:00', '0 9 1 * *', 'on the 1st of every month at 09:00'],
    ['1st 09:00', '0 9 1 * *', 'on the 1st of every month at 09:00'],
    ['1st and 15th at 8:00', '0 8 1,15 * *', 'on the 1st and 15th of every month at 08:00'],
    ['31st 09:00', '0 9 31 * *', 'on the 31st of every month that has it at 09:00'],
  ])('%s', (text, cron, words) => {
    expect([cronOf(text), wordsOf(text)]).toEqual([cron, words]);
  });
});

describe('five fields', () => {
  test.each([
    ['0 9,17 * * mon-fri', '0 9,17 * * 1-5', 'on weekdays at 09:00 and 17:00'],
    ['0  9 * *  MONDAY', '0 9 * * 1', 'every Monday at 09:00'],
    ['0 0 * * 7', '0 0 * * 0', 'every Sunday at 00:00'],
    ['0 0 * * 5-7', '0 0 * * 0,5,6', 'every Friday, Saturday and Sunday at 00:00'],
    ['0 0 * * fri-sun', '0 0 * * 0,5,6', 'every Friday, Saturday and Sunday at 00:00'],
    ['0 0 1-31 1-12 0-7', '0 0 * * *', 'every day at 00:00'],
    ['0-59/15 0-23 * * *', '*/15 * * * *', 'every 15 minutes'],
    ['1,3,5-59/2 * * * *', '1-59/2 * * * *', '1-59/2 * * * *'],
    ['*/7 * * * *', '0-56/7 * * * *', '0-56/7 * * * *'],
    ['*/20 * * * 1-5', '*/20 * * * 1-5', 'every 20 minutes on weekdays'],
    ['0 */12 * * *', '0 */12 * * *', 'every 12 hours'],
    ['0 12 1 jan,jul *', '0 12 1 1,7 *', 'on the 1st of January and July at 12:00'],
    ['30 8 * dec sun', '30 8 * 12 0', 'every Sunday in December at 08:30'],
    ['0 3 29 2 *', '0 3 29 2 *', 'on the 29th of February at 03:00'],
    ['0 3 30 2-3 *', '0 3 30 2,3 *', 'on the 30th of February and March at 03:00'],
    ['*/20 8-18 * * *', '*/20 8-18 * * *', '*/20 8-18 * * *'],
    ['@hourly', '0 * * * *', 'every hour'],
    ['@daily', '0 0 * * *', 'every day at 00:00'],
    ['@weekly', '0 0 * * 0', 'every Sunday at 00:00'],
    ['@monthly', '0 0 1 * *', 'on the 1st of every month at 00:00'],
  ])('%s', (text, cron, words) => {
    expect([cronOf(text), wordsOf(text)]).toEqual([cron, words]);
  });

  test('are written in one way, which reads as itself', () => {
    const numbers = (min: number, max: number): fc.Arbitrary<string> =>
      fc.uniqueArray(fc.integer({ min, max }), { minLength: 1 }).map((list) => list.join());
    fc.assert(
      fc.property(numbers(0, 59), numbers(0, 23), numbers(0, 6), (...[minutes, hours, days]) => {
        const text = `${minutes} ${hours} * * ${days}`;
        const read = parseCron(text);
        const again = parseCron(cronOf(text));
        // Longer than a person may type, but still a cron.
        if (text.length <= MAX_WHEN) expect(again).toEqual(read);
        else expect(cronOf(text)).toMatch(/^refused: it is longer/);
      }),
    );
  });
});

describe('what cannot be read is refused with the way out', () => {
  test.each([
    ['', 'it is empty', 'mon 09:00'],
    ['0 0 1-99999999 * *', 'the number 99999999 is too large', '59'],
    ['0 0 1-9999 * *', '“1-9999” is not a day of the month', '1 to 31'],
    ['*/0 * * * *', 'a step that does not fit', '1 to 59'],
    ['*/61 * * * *', 'a step that does not fit', '1 to 59'],
    ['5-1 * * * *', 'runs backwards', '5-59,0-1'],
    ['5/15 * * * *', 'a step but no range', '5-59/15'],
    ['60 * * * *', '“60” is not a minute', '0 to 59'],
    ['0 24 * * *', '“24” is not an hour', '0 to 23'],
    ['0 0 0 * *', 'is not a day of the month', '1 to 31'],
    ['0 0 * foo *', '“foo” is not a month', '1 to 12'],
    ['1,,2 * * * *', '“” is not a minute', '0 to 59'],
    ['*-5 * * * *', 'is not a minute', '0 to 59'],
    ['-1 * * * *', 'is not a minute', '0 to 59'],
    ['0 0 31 2 *', 'there is no day 31 in February', '28'],
    ['0 0 31 4,6,9,11 *', 'there is no day 31 in April, June, September, November', '28'],
    ['0 0 13 * 5', 'a day of the month together with a weekday', 'two schedules'],
    ['every 3rd monday at 9', 'a day of the month together with a weekday', 'two schedules'],
    ['0 9 * *', 'does not have five fields', 'minute, hour'],
    ['0 0 9 * * 1', 'does not have five fields', 'seconds are not supported'],
    ['0 9 L * *', '“l” is not a day of the month', '1 to 31'],
    ['0 9 ? * 1', '“?” is not understood', 'signs'],
    ['٣ ٩ * * *', '“٣” is not understood', 'signs'],
    ['every 61 minutes', 'does not divide an hour evenly', '30 minutes'],
    ['every 7 hours', 'does not divide a day evenly', '12 hours'],
    ['every 0 minutes', 'does not divide an hour evenly', '30 minutes'],
    ['every 2 weeks on monday', '“2” is not understood', 'Write'],
    ['every other monday at 9', '“other” is not understood', 'Cron cannot say that'],
    ['monday', 'the time is missing', 'mon 09:00'],
    ['daily', 'the time is missing', 'every day at 7'],
    ['9:00', 'the day is missing', 'mon 09:00'],
    ['monthly at 9', 'the day of the month is missing', '1st 09:00'],
    ['mon 25:00', '“25:00” is not understood', 'mon 09:00'],
    ['mon 13pm', '“13pm” is not understood', 'mon 09:00'],
    ['weekdays at 8:30 and 17:00', 'the times differ in their minutes', 'a schedule for each time'],
    ['@reboot', '“@reboot” is not known', '@daily'],
    ['__proto__ 9:00', '“_” is not understood', 'signs'],
    ['constructor 9:00', '“constructor” is not understood', 'mon 09:00'],
    [','.repeat(120), 'does not have five fields', 'minute, hour'],
    ['1,'.repeat(61), 'it is longer than 120 characters', 'several schedules'],
  ])('%s', (text, problem, hint) => {
    expect(readWhen(text)).toMatchObject({
      ok: false,
      problem: expect.stringContaining(problem),
      hint: expect.stringContaining(hint),
    });
  });
});

describe('a time zone', () => {
  test.each([
    ['Europe/Berlin', 'Europe/Berlin'],
    [' europe/BERLIN ', 'Europe/Berlin'],
    ['America/New York', 'America/New_York'],
    ['asia/kolkata', 'Asia/Kolkata'],
    ['us/eastern', 'America/New_York'],
    ['Japan', 'Asia/Tokyo'],
    ['utc', 'UTC'],
    ['Etc/UTC', 'UTC'],
  ])('%s is %s', (text, zone) => {
    expect(checkZone(text)).toEqual({ ok: true, zone });
  });
  test.each([
    ['Berlin', 'there is no time zone', 'Europe/Berlin'],
    ['new york', 'there is no time zone', 'America/New_York'],
    ['Europe/Berln', 'there is no time zone', 'Europe/Berlin'],
    ['Sidney', 'there is no time zone', 'Australia/Sydney'],
    ['EST', 'an abbreviation', 'America/New_York'],
    ['cest', 'an abbreviation', 'Europe/Berlin'],
    ['+02:00', 'an offset', 'summer time'],
    ['UTC+2', 'an offset', 'summer time'],
    ['Etc/GMT-2', 'an offset', 'summer time'],
    ['EST5EDT', 'America/New_York', ''],
    ['', 'there is no time zone', 'Europe/Berlin'],
    ['__proto__', 'there is no time zone', 'Europe/Berlin'],
    ['x'.repeat(10_000), 'there is no time zone', 'Europe/Berlin'],
  ])('%s is refused', (text, problem, hint) => {
    const read = checkZone(text);
    if (read.ok) expect(read.zone).toBe(problem);
    else expect([read.problem, read.hint]).toEqual([expect.stringContaining(problem), expect.stringContaining(hint)]);
  });
});

test('no text makes it fail or wait: what is read has a timetable, what is not has a way out', () => {
  const piece = fc.constantFrom(
    ...'* , - / 0 1 59 7 31 9999 mon fri every at 9am :15 hours 1st day \t @ jan'.split(' '),
  );
  const specs = fc.oneof(
    fc.string({ maxLength: 130 }),
    fc.string({ unit: 'binary', maxLength: 130 }),
    fc.array(piece, { maxLength: 40 }).map((pieces) => pieces.join('')),
    fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join(' ')),
  );
  const zones = fc.oneof(fc.string({ maxLength: 80 }), fc.constantFrom('UTC', 'Europe/Berlin', 'Australia/Lord_Howe'));
  fc.assert(
    fc.property(specs, zones, (text, name) => {
      const read = readWhen(text);
      const zone = checkZone(name);
      if (!zone.ok) expect(zone.hint).not.toBe('');
      if (!read.ok) {
        expect(read.hint).not.toBe('');
        return;
      }
      expect(parseCron(read.when.cron).ok).toBe(true);
      const next = createTimetable({ cron: read.when.cron, zone: zone.ok ? zone.zone : 'UTC' }).next(0, 3);
      expect(next.length).toBeGreaterThan(0);
    }),
    { numRuns: 5_000 },
  );
});
