import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createTimetable } from '../../../src/runner/time/slots.ts';
import { dueIn, transitions, walk } from '../../support/time-oracle.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const utc = (text: string): number => Date.parse(`${text}Z`);
const shown = (slots: readonly { at: number; note?: string }[]): string[] =>
  slots.map(({ at, note }) => `${new Date(at).toISOString().slice(0, 16)}${note === undefined ? '' : ` ${note}`}`);

/** In the hours in which clocks change, on the days on which they do; both with named hours and with every hour. */
const SHAPES = [
  '30 2 * * *',
  '0 0 * * *',
  '59 23 * * *',
  '15,45 0-3 * * *',
  '*/30 1-2 * * *',
  '*/10 */2 * * *',
  '20 1 * * 0,6',
  '0 2,3 * * *',
  '0 9 * * 1',
  '30 1 25-31 3,4,9,10,11 *',
  '* 0-22 * * *',
  '*/15 * * * *',
  '7 * * * *',
  '45 * * * 0',
  '* * 1-7 * *',
];
const PRESENT = [
  'Australia/Lord_Howe',
  'America/New_York',
  'Europe/Berlin',
  'Europe/London',
  'Africa/Cairo',
  'America/Santiago',
  'Australia/Sydney',
  'Pacific/Auckland',
  'Pacific/Chatham',
  'Asia/Beirut',
  'America/Asuncion',
  'Antarctica/Troll',
  'Africa/Casablanca',
  'America/Havana',
  'America/St_Johns',
  'Asia/Gaza',
  'America/Nuuk',
].map((zone) => ({ zone, from: 2024, to: 2030 }));
/** No clock change is left in São Paulo; Samoa and Tokelau left out a day; Gaza will have two changes a week apart. */
const SPECIAL = [
  { zone: 'America/Sao_Paulo', from: 2015, to: 2019 },
  { zone: 'Pacific/Apia', from: 2011, to: 2012 },
  { zone: 'Asia/Pyongyang', from: 2015, to: 2018 },
  { zone: 'America/Caracas', from: 2007, to: 2016 },
  { zone: 'Asia/Gaza', from: 2040, to: 2041 },
  { zone: 'Antarctica/Casey', from: 2018, to: 2023 },
];

function compare(zone: string, edge: number): string[] {
  const [from, until] = [edge - 36 * HOUR, edge + 36 * HOUR];
  const minutes = walk(zone, from, until);
  return SHAPES.flatMap((cron) => {
    const expected = dueIn(minutes, cron).filter(({ at }) => at > from && at <= until);
    const timetable = createTimetable({ cron, zone });
    const { slots } = timetable.between(from, until, 10_000);
    const { count, first, last } = timetable.count(from, until);
    const differs =
      shown(slots).join() !== shown(expected).join() ||
      count !== expected.length ||
      first !== expected[0]?.at ||
      last !== expected.at(-1)?.at;
    return differs ? [`${zone} ${new Date(edge).toISOString()} ${cron}`] : [];
  });
}

describe('due times around a clock change', () => {
  // Hang guards: each takes about a second.
  test.each([...PRESENT, ...SPECIAL])('$zone $from to $to are those of the oracle', { timeout: 120_000 }, (one) => {
    const edges = transitions(one.zone, Date.UTC(one.from, 0, 1), Date.UTC(one.to + 1, 0, 1));
    expect(edges.length).toBeGreaterThan(0);
    expect(edges.flatMap((edge) => compare(one.zone, edge))).toEqual([]);
  });

  test('any fields in any zone on any days are those of the oracle', { timeout: 120_000 }, () => {
    const field = (min: number, max: number): fc.Arbitrary<string> => {
      const value = fc.integer({ min, max });
      const range = fc.tuple(value, value).map(([a, b]) => `${Math.min(a, b)}-${Math.max(a, b)}`);
      const item = fc.oneof(
        value.map(String),
        range,
        fc.tuple(range, fc.integer({ min: 1, max: 6 })).map(([r, n]) => `${r}/${n}`),
      );
      return fc.oneof(
        fc.constant('*'),
        fc.constant('*'),
        item,
        fc.tuple(item, item).map((items) => items.join()),
      );
    };
    const days = fc.oneof(
      fc.tuple(field(1, 28), field(1, 12), fc.constant('*')),
      fc.tuple(fc.constant('*'), field(1, 12), field(0, 6)),
    );
    const cron = fc
      .tuple(field(0, 59), field(0, 23), days)
      .map(([minute, hour, rest]) => [minute, hour, ...rest].join(' '));
    const zone = fc.constantFrom(...Intl.supportedValuesOf('timeZone'));
    const day = fc.integer({
      min: Math.floor(Date.UTC(2024, 0, 1) / DAY),
      max: Math.floor(Date.UTC(2045, 0, 1) / DAY),
    });
    fc.assert(
      fc.property(cron, zone, day, (text, name, number) => {
        // A field that says all hours in another way follows real time, too; the oracle tells it by the star.
        fc.pre(!/^(?:0-23)(?:\/1)?$/.test(text.split(' ')[1] ?? ''));
        const from = number * DAY;
        const minutes = walk(name, from - 36 * HOUR, from + 62 * HOUR);
        const expected = dueIn(minutes, text).filter(({ at }) => at > from && at <= from + 36 * HOUR);
        const timetable = createTimetable({ cron: text, zone: name });
        expect(shown(timetable.between(from, from + 36 * HOUR, 10_000).slots)).toEqual(shown(expected));
        expect(timetable.count(from, from + 36 * HOUR).count).toBe(expected.length);
      }),
      { numRuns: 200 },
    );
  });
});

describe('the rule, as people read it', () => {
  const next = (cron: string, zone: string, after: string): string[] =>
    shown(createTimetable({ cron, zone }).next(utc(after), 3));

  test('a time that does not exist runs once, at the first valid instant after the gap', () => {
    expect(next('30 2 * * *', 'Europe/Berlin', '2027-03-27T12:00')).toEqual([
      '2027-03-28T01:00 absent',
      '2027-03-29T00:30',
      '2027-03-30T00:30',
    ]);
  });
  test('several times in one gap are one, and one with a time that is due at its end', () => {
    expect(next('*/20 2 * * *', 'America/New_York', '2027-03-13T12:00')[0]).toBe('2027-03-14T07:00 absent');
    expect(next('*/20 2 * * *', 'America/New_York', '2027-03-13T12:00')[1]).toBe('2027-03-15T06:00');
    expect(next('0 2,3 * * *', 'America/New_York', '2027-03-13T12:00').slice(0, 2)).toEqual([
      '2027-03-14T07:00',
      '2027-03-15T06:00',
    ]);
  });
  test('a time that comes twice runs once, the first time', () => {
    expect(next('30 2 * * *', 'Europe/Berlin', '2027-10-30T12:00')).toEqual([
      '2027-10-31T00:30 repeated',
      '2027-11-01T01:30',
      '2027-11-02T01:30',
    ]);
  });
  test('asked in the middle of the hour that comes twice, it does not come a third time', () => {
    // A zone of its own: what is known of others was asked for before.
    expect(next('30 1 * * *', 'America/Chicago', '2027-11-07T07:10')[0]).toBe('2027-11-08T07:30');
  });
  test('every hour means every real hour, whatever the clock shows', () => {
    expect(next('30 * * * *', 'Europe/Berlin', '2027-10-31T00:00')).toEqual([
      '2027-10-31T00:30',
      '2027-10-31T01:30',
      '2027-10-31T02:30',
    ]);
    expect(next('30 * * * *', 'Europe/Berlin', '2027-03-28T00:00')[1]).toBe('2027-03-28T01:30');
  });
  test('a weekly post keeps its hour over both changes', () => {
    const weekly = createTimetable({ cron: '0 9 * * 1', zone: 'Europe/Berlin' });
    expect(shown(weekly.next(utc('2027-03-23T00:00'), 1))).toEqual(['2027-03-29T07:00']);
    expect(shown(weekly.next(utc('2027-10-26T00:00'), 1))).toEqual(['2027-11-01T08:00']);
  });
});

describe('a timetable', () => {
  const minutely = createTimetable({ cron: '* * * * *', zone: 'Europe/Berlin' });
  const noon = utc('2026-11-22T12:00');

  test('gives what is after the one instant and up to the other', () => {
    expect(shown(minutely.between(noon, noon + 120_000, 9).slots)).toEqual(['2026-11-22T12:01', '2026-11-22T12:02']);
    expect(minutely.count(noon, noon + 120_000)).toEqual({ count: 2, first: noon + 60_000, last: noon + 120_000 });
    expect(minutely.between(noon, noon + 59_999, 9)).toEqual({ slots: [], more: false });
    expect(minutely.between(noon - 1, noon, 9).slots).toEqual([{ at: noon }]);
  });
  test('says when a limit left some out', () => {
    expect(minutely.between(noon, noon + HOUR, 60)).toMatchObject({ more: false });
    const { slots, more } = minutely.between(noon, noon + HOUR, 59);
    expect([slots.length, more]).toEqual([59, true]);
    const gap = createTimetable({ cron: '30 2 * * *', zone: 'Europe/Berlin' });
    expect(gap.between(utc('2027-03-28T00:00'), utc('2027-03-28T02:00'), 0)).toEqual({ slots: [], more: true });
  });
  test('counts a year of minutes, and a leap day that stays away for eight years', () => {
    expect(minutely.count(utc('2026-01-01T00:00'), utc('2027-01-01T00:00')).count).toBe(525_600);
    const leap = createTimetable({ cron: '0 9 29 2 *', zone: 'Europe/Berlin' });
    expect(shown(leap.next(utc('2096-03-01T00:00'), 2))).toEqual(['2104-02-29T08:00']);
  });
  test('counts what it names, over any span and in any zone', () => {
    const zones = ['Europe/Berlin', 'Australia/Lord_Howe', 'UTC', 'Africa/Cairo', 'Pacific/Chatham'];
    const span = fc.tuple(
      fc.constantFrom(...SHAPES),
      fc.constantFrom(...zones),
      fc.integer({ min: utc('2024-01-01T00:00'), max: utc('2030-01-01T00:00') }),
      fc.integer({ min: 0, max: 20 * DAY }),
    );
    fc.assert(
      fc.property(span, ([cron, zone, after, length]) => {
        const timetable = createTimetable({ cron, zone });
        const { slots } = timetable.between(after, after + length, 100_000);
        const { count, first, last } = timetable.count(after, after + length);
        expect([count, first, last]).toEqual([slots.length, slots[0]?.at, slots.at(-1)?.at]);
        expect(timetable.next(after, 3)[0]?.at).toBe(slots[0]?.at ?? timetable.next(after + length, 1)[0]?.at);
      }),
    );
  });
  test('answers whatever it is asked, without end or error', () => {
    const odd = [Number.NaN, Infinity, -Infinity, 8.64e15, -8.64e15, 0, 1e300];
    for (const after of odd)
      for (const until of odd) {
        expect(minutely.count(after, until).count).toBeLessThanOrEqual(101 * 366 * 1_440);
        expect(minutely.between(after, until, 3).slots.length).toBeLessThanOrEqual(3);
        expect(minutely.next(after, until).length).toBeLessThanOrEqual(1_000);
      }
  });
  test('of fields or a zone that nobody checked is refused', () => {
    for (const spec of [
      { cron: 'every day', zone: 'UTC' },
      { cron: '0 9 * * 1', zone: 'Mars/Base' },
    ])
      expect(() => createTimetable(spec)).toThrow(expect.objectContaining({ code: 'INPUT_INVALID' }));
  });
});
