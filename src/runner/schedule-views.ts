/** What people see of a schedule, whatever the surface. */
import { iso } from '../clock.ts';
import type { Destination } from '../store/destinations.ts';
import type { Actor, RunState } from '../store/records.ts';
import type { Schedule, Skip } from '../store/schedule-records.ts';
import { placesOf } from './deliveries.ts';
import type { LoadedJob } from './jobs.ts';
import type { Entry } from './schedule-book.ts';
import { barBetween } from './stretches.ts';
import { readWhen } from './time/spec.ts';
import { createTimetable } from './time/slots.ts';

/** One of the next due times; `absent` and `repeated` say what daylight saving time does to it. */
export interface NextTime {
  at: string;
  note?: 'absent' | 'repeated';
}

export interface ScheduleView {
  name: string;
  job: string;
  /** `file`: the definition of the job owns it. */
  origin: 'file' | 'stored';
  /** As typed, and as it was understood. */
  when: string;
  words: string;
  zone: string;
  state: 'active' | 'paused' | 'snoozed' | 'gone' | 'job_missing';
  paused?: { since: string; by: Actor; reason?: string };
  snoozed?: { until: string; by: Actor };
  /** The due time that is left out. */
  skipNext?: string;
  /** The next three, without those that a pause, a snooze or a skip leaves out. */
  next: NextTime[];
  last?: { slot: string; runId: string; state?: RunState };
  /** The newest five. */
  skips: Skip[];
  destinations: Destination[] | 'job';
  /** Where its reports go as things stand: those, or what the job says; none when the job cannot say. */
  places: Destination[];
  input: Schedule['spec']['input'];
}

const SHOWN_NEXT = 3;
const SHOWN_SKIPS = 5;
/** Due times that are looked at for the next few; a blackout may hide more. */
const LOOKED_AT = 400;
const MAX_NEXT = 20;

/** Draws a schedule as of `now`; its job and the state of its last run are known to who asks. */
export function viewOf(
  entry: Entry,
  known: { now: number; job: LoadedJob | undefined; lastState?: RunState | undefined },
): ScheduleView {
  const { schedule } = entry;
  const { spec, paused, snoozed, skipNext, last } = schedule;
  const { now } = known;
  const isSnoozed = snoozed !== undefined && Date.parse(snoozed.until) > now;
  const isSkipping = skipNext !== undefined && Date.parse(skipNext.slot) > now;
  return {
    name: entry.name,
    job: spec.job,
    origin: schedule.origin,
    when: spec.when,
    words: wordsOf(spec.cron),
    zone: spec.zone,
    state: stateOf(schedule, { job: known.job, snoozed: isSnoozed }),
    ...(paused === undefined ? {} : { paused }),
    ...(isSnoozed ? { snoozed } : {}),
    ...(isSkipping ? { skipNext: skipNext.slot } : {}),
    next: schedule.gone || paused !== undefined ? [] : nextTimes(schedule, now, SHOWN_NEXT),
    ...(last === undefined
      ? {}
      : { last: { ...last, ...(known.lastState === undefined ? {} : { state: known.lastState }) } }),
    skips: (schedule.skips ?? []).slice(-SHOWN_SKIPS).toReversed(),
    destinations: spec.destinations ?? 'job',
    places: spec.destinations ?? (known.job === undefined ? [] : placesOf(known.job, spec)),
    input: spec.input,
  };
}

function wordsOf(cron: string): string {
  const read = readWhen(cron);
  return read.ok ? read.when.words : cron;
}

function stateOf(schedule: Schedule, known: { job: LoadedJob | undefined; snoozed: boolean }): ScheduleView['state'] {
  if (schedule.gone) return 'gone';
  if (schedule.paused !== undefined) return 'paused';
  if (known.job === undefined) return 'job_missing';
  return known.snoozed ? 'snoozed' : 'active';
}

/** The next `n` (at most 20) due times that will be run, as far as anybody can say now. */
export function nextTimes(schedule: Schedule, now: number, n: number): NextTime[] {
  const wanted = Math.max(1, Math.min(n, MAX_NEXT));
  const from = Math.max(now, resumesAt(schedule));
  // Most have nothing in the way, and a list draws a thousand of them.
  const few = nextAmong(schedule, { now, from, many: wanted + 4 });
  const open = few.length < wanted ? nextAmong(schedule, { now, from, many: LOOKED_AT }) : few;
  return open.slice(0, wanted);
}

function nextAmong(schedule: Schedule, look: { now: number; from: number; many: number }): NextTime[] {
  const slots = createTimetable(schedule.spec).next(look.from, look.many);
  const bar = barBetween(schedule, look.now, slots.at(-1)?.at ?? look.now);
  return slots
    .filter(({ at }) => bar(at) === undefined)
    .map(({ at, note }) => (note === undefined ? { at: iso(at) } : { at: iso(at), note }));
}

function resumesAt({ snoozed }: Schedule): number {
  return snoozed === undefined ? 0 : Date.parse(snoozed.until);
}
