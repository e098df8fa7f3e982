/**
 * Time cut where the verdict on a due time may change: at the ends of blackouts, at midnights when days matter, where on time becomes
 * late. Within a stretch all due times share one verdict, so they can be counted instead of looked at one by one.
 */
import { iso } from '../clock.ts';
import type { Actor } from '../store/records.ts';
import type { Schedule } from '../store/schedule-records.ts';
import { zoneOf } from './time/zone.ts';
import type { Segment } from './time/zone.ts';

/**
 * `due`: on time. `missed`: late, and within the window. `old`: late beyond the window. `barred`: not to be run at all, late or not.
 * `text` is why: of the lateness, or of the bar.
 */
export interface Verdict {
  kind: 'due' | 'missed' | 'old' | 'barred';
  text: string;
}

/** After `after`, up to and with `until`; ms since the epoch. */
export interface Stretch {
  after: number;
  until: number;
  verdict: Verdict;
}

/** When nobody planned, and why: the process was not there, it stood still, or its clock was stepped. */
export interface Absence {
  from: number;
  to: number;
  why?: 'down' | 'asleep' | 'clock';
}

/** What a slot's verdict depends on. `absence`: when the planner was not there. */
export interface Situation {
  schedule: Schedule;
  now: number;
  absence?: Absence;
}

/** Up to this age a due time is on time: the bell rings once a minute, and a busy minute may delay it. */
export const ON_TIME_MS = 90_000;
const DAY_MS = 86_400_000;

/** The stretches that make up the time after one instant up to another, oldest first; neighbours differ in their verdict. */
export function stretchesOf(situation: Situation, after: number, until: number): Stretch[] {
  const { spec } = situation.schedule;
  const needsDays = spec.days === 'business' || spec.holidays.length > 0;
  const segments = needsDays ? zoneOf(spec.zone).segments(after, until) : [];
  const judge = createJudge(situation, segments);
  const cuts = [...cutsOf(situation), ...midnights(segments, after, until), until];
  const ends = [...new Set(cuts)].filter((cut) => cut > after && cut <= until).sort((a, b) => a - b);
  const stretches: Stretch[] = [];
  let last: Stretch | undefined;
  for (const end of ends) {
    const from = last?.until ?? after;
    const verdict = judge(from + 1);
    if (last !== undefined && last.verdict.kind === verdict.kind && last.verdict.text === verdict.text) {
      last.until = end;
      continue;
    }
    last = { after: from, until: end, verdict };
    stretches.push(last);
  }
  return stretches;
}

/** The last instants of what is judged in one way, days apart. */
function cutsOf({ schedule, now, absence }: Situation): number[] {
  const { spec, snoozed, skipNext } = schedule;
  const skipped = skipNext === undefined ? [] : [Date.parse(skipNext.slot)];
  return [
    now - ON_TIME_MS - 1,
    now - spec.catchUp.windowMs - 1,
    ...(absence === undefined ? [] : [absence.from - 1, absence.to]),
    ...(snoozed === undefined ? [] : [Date.parse(snoozed.until)]),
    ...skipped.flatMap((slot) => [slot - 1, slot]),
    ...spec.blackouts.flatMap(({ from, to }) => [Date.parse(from) - 1, Date.parse(to) - 1]),
  ];
}

/** The last instants of the days of the zone, and of its segments: where clocks change, a day may begin twice. */
function midnights(segments: readonly Segment[], after: number, until: number): number[] {
  const found: number[] = [];
  for (const { start, end, offset } of segments) {
    const from = Math.max(start, after);
    found.push(start - 1);
    for (let day = Math.ceil((from + offset) / DAY_MS) * DAY_MS - offset; day < end && day <= until; day += DAY_MS)
      found.push(day - 1);
  }
  return found;
}

function createJudge(situation: Situation, segments: readonly Segment[]): (at: number) => Verdict {
  const { schedule, now } = situation;
  const bar = createBar(schedule, segments);
  return (at) => {
    const reason = bar(at);
    if (reason !== undefined) return { kind: 'barred', text: reason };
    if (now - at <= ON_TIME_MS) return { kind: 'due', text: '' };
    const kind = now - at <= schedule.spec.catchUp.windowMs ? 'missed' : 'old';
    return { kind, text: lateness(at, situation.absence) };
  };
}

/** Why nothing will be run at an instant after `after`, up to `until`, as far as anybody can say now; undefined when it will. */
export function barBetween(schedule: Schedule, after: number, until: number): (at: number) => string | undefined {
  const { days, holidays, zone } = schedule.spec;
  const needsDays = days === 'business' || holidays.length > 0;
  return createBar(schedule, needsDays ? zoneOf(zone).segments(after, until) : []);
}

/** Why nothing is run at an instant, if so. */
function createBar(schedule: Schedule, segments: readonly Segment[]): (at: number) => string | undefined {
  const { spec, snoozed, skipNext } = schedule;
  const blackouts = spec.blackouts.map(({ from, to, reason }) => ({
    from: Date.parse(from),
    to: Date.parse(to),
    reason,
  }));
  const holidays = new Set(spec.holidays);
  return (at) => {
    if (skipNext !== undefined && at === Date.parse(skipNext.slot)) return `Skipped by ${nameOf(skipNext.by)}`;
    if (snoozed !== undefined && at <= Date.parse(snoozed.until))
      return `Snoozed until ${minuteOf(Date.parse(snoozed.until))} UTC by ${nameOf(snoozed.by)}`;
    const blackout = blackouts.find(({ from, to }) => at >= from && at < to);
    if (blackout !== undefined) return `Blackout: ${blackout.reason}`;
    const offset = segments.findLast((segment) => segment.start <= at)?.offset;
    if (offset === undefined) return undefined;
    const date = iso(at + offset).slice(0, 10);
    if (holidays.has(date)) return `${date} is a holiday`;
    const isWeekend = new Date(at + offset).getUTCDay() % 6 === 0;
    return spec.days === 'business' && isWeekend ? 'Not a business day' : undefined;
  };
}

function lateness(at: number, absence: Absence | undefined): string {
  if (absence === undefined || at < absence.from || at > absence.to) return 'Bellhop did not look when it was due';
  const [from, to] = [minuteOf(absence.from), minuteOf(absence.to)];
  const sameDay = from.slice(0, 10) === to.slice(0, 10);
  return `${WHY[absence.why ?? 'down']} ${sameDay ? `${from.slice(11)}-${to.slice(11)}` : `${from} to ${to}`} UTC`;
}

const WHY = { down: 'Bellhop was down', asleep: 'Bellhop stood still', clock: 'The clock was stepped' } as const;

function minuteOf(at: number): string {
  return iso(at).slice(0, 16).replace('T', ' ');
}

function nameOf(actor: Actor): string {
  return actor.name ?? actor.id;
}
