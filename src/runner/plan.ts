/**
 * What a schedule must do now: a pure function of its document and the time, so that planning twice is planning once. Each due time ends
 * as a start or in a skip with its reason. The caller stores the step by compare-and-set on the watermark together with what it starts;
 * a crash before that leaves the document as it was, and the same step is planned again.
 */
import { iso } from '../clock.ts';
import type { Schedule, Skip } from '../store/schedule-records.ts';
import { stretchesOf } from './stretches.ts';
import type { Absence, Situation, Stretch } from './stretches.ts';
import { createTimetable } from './time/slots.ts';
import type { Timetable } from './time/slots.ts';

export interface PlanInput {
  schedule: Schedule;
  /** Milliseconds since the epoch. */
  now: number;
  /** The planner was not there. */
  absence?: Absence;
  /** What the tick may still start. */
  maxStarts: number;
}

export interface Start {
  slot: string;
  /** Set when it is more than 90 s after its due time, with the reason people are told. */
  late?: { ms: number; reason: string };
}

export interface PlanStep {
  watermark: string;
  nextSlot: string | null;
  /** Oldest first. */
  starts: Start[];
  skips: Skip[];
  /** Plan again after this step is stored. */
  more: boolean;
}

/** A step never skips in more ranges, nor looks further: the rest waits for the next one. */
const MAX_SKIPS = 50;
const MAX_ON_TIME = 2;
const DAY_MS = 86_400_000;
const REACH_MS = 1_000 * DAY_MS;
/** Longer than any window. */
const MARGIN_MS = 41 * DAY_MS;

/**
 * The next step of a schedule; undefined: there is nothing to store. A schedule seen for the first time starts nothing, one that is
 * paused or gone waits, and after a clock that went back nothing is done until it has passed the watermark again.
 * Throws INPUT_INVALID when the fields or the zone of the document cannot be read.
 */
export function planSchedule(input: PlanInput): PlanStep | undefined {
  const { schedule, now } = input;
  if (schedule.paused !== undefined || schedule.gone === true) return undefined;
  const timetable = createTimetable(schedule.spec);
  if (schedule.watermark === undefined)
    return { watermark: iso(now), nextSlot: nextAfter(timetable, now), starts: [], skips: [], more: false };
  const watermark = Date.parse(schedule.watermark);
  if (now <= watermark) return undefined;
  const end = now - watermark > REACH_MS + MARGIN_MS ? watermark + REACH_MS : now;
  if (timetable.count(watermark, end).count === 0 && end === now) return settled(schedule, timetable, now);
  return stepUntil(input, timetable, { after: watermark, until: end });
}

/** Nothing was due: only a `nextSlot` that is missing or wrong is stored. The watermark stands still, so that this costs no write. */
function settled(schedule: Schedule, timetable: Timetable, now: number): PlanStep | undefined {
  const nextSlot = nextAfter(timetable, now);
  const known = schedule.nextSlot;
  const same =
    known === undefined || known === null || nextSlot === null ? known === nextSlot : sameInstant(known, nextSlot);
  if (same || schedule.watermark === undefined) return undefined;
  return { watermark: schedule.watermark, nextSlot, starts: [], skips: [], more: false };
}

function stepUntil(
  input: PlanInput,
  timetable: Timetable,
  span: { after: number; until: number },
): PlanStep | undefined {
  const stretches = stretchesOf(input, span.after, span.until);
  const chosen = span.until === input.now ? chooseLate(input.schedule, timetable, stretches) : new Set<number>();
  const tally = createTally(timetable, input.maxStarts);
  let handled = span.after;
  for (const stretch of stretches) {
    handled = addStretch({ tally, timetable, chosen, situation: input }, stretch);
    if (handled < stretch.until) break;
  }
  const { starts, skips } = tally;
  // What is due may not be started at this tick, and nothing stands before it.
  if (starts.length + skips.length === 0 && handled < span.until) return undefined;
  return {
    watermark: iso(handled),
    nextSlot: nextAfter(timetable, handled),
    starts,
    skips,
    more: handled < input.now,
  };
}

/**
 * Which of the missed are run after all: the newest, as many as the policy says. Under `latest` none when a newer one is due right now:
 * it is the latest.
 */
function chooseLate(schedule: Schedule, timetable: Timetable, stretches: readonly Stretch[]): Set<number> {
  const { policy, burst } = schedule.spec.catchUp;
  const isDue = ({ after, until, verdict }: Stretch): boolean =>
    verdict.kind === 'due' && timetable.count(after, until).count > 0;
  const wanted = { skip: 0, latest: stretches.some(isDue) ? 0 : 1, all: burst }[policy];
  const chosen = new Set<number>();
  for (const { after, until, verdict } of stretches.toReversed()) {
    if (verdict.kind !== 'missed') continue;
    for (let end = until; chosen.size < wanted;) {
      const { last } = timetable.count(after, end);
      if (last === undefined) break;
      chosen.add(last);
      end = last - 1;
    }
  }
  return chosen;
}

interface Tally {
  starts: Start[];
  skips: Skip[];
  /** False: no more may be started. */
  start(at: number, late?: Start['late']): boolean;
  /** False: there are as many ranges as a step may have. */
  skip(span: { after: number; until: number }, reason: string): boolean;
}

function createTally(timetable: Timetable, maxStarts: number): Tally {
  const starts: Start[] = [];
  const skips: Skip[] = [];
  let isJoinable = false;

  function start(at: number, late?: Start['late']): boolean {
    if (!(starts.length < maxStarts)) return false;
    starts.push({ slot: iso(at), ...(late !== undefined && { late }) });
    isJoinable = false;
    return true;
  }

  function skip({ after, until }: { after: number; until: number }, reason: string): boolean {
    const { count, first, last } = timetable.count(after, until);
    if (first === undefined || last === undefined) return true;
    const before = skips.at(-1);
    if (isJoinable && before?.reason === reason) {
      before.to = iso(last);
      before.count += count;
      return true;
    }
    if (skips.length >= MAX_SKIPS) return false;
    skips.push({ from: iso(first), to: iso(last), count, reason });
    isJoinable = true;
    return true;
  }

  return { starts, skips, start, skip };
}

interface Walk {
  tally: Tally;
  timetable: Timetable;
  chosen: ReadonlySet<number>;
  situation: Situation;
}

/** Adds the due times of a stretch to the tally; gives the instant until which all was taken in. */
function addStretch({ tally, timetable, chosen, situation }: Walk, { after, until, verdict }: Stretch): number {
  const { now, schedule } = situation;
  const isDue = verdict.kind === 'due';
  // What is on time spans 90 s, which hold no more than two minutes.
  const starts = isDue
    ? timetable.between(after, until, MAX_ON_TIME).slots.map(({ at }) => at)
    : [...chosen].filter((at) => at > after && at <= until).sort((a, b) => a - b);
  const reason = reasonOf(verdict, schedule);
  let handled = after;
  for (const at of starts) {
    if (!tally.skip({ after: handled, until: at - 1 }, reason)) return handled;
    if (!tally.start(at, isDue ? undefined : { ms: now - at, reason: verdict.text })) return Math.max(handled, at - 1);
    handled = at;
  }
  return tally.skip({ after: handled, until }, reason) ? until : handled;
}

function reasonOf({ kind, text }: Stretch['verdict'], { spec }: Schedule): string {
  const { policy, windowMs, burst } = spec.catchUp;
  if (kind === 'barred' || kind === 'due') return text;
  if (policy === 'skip') return `${text}; what was missed is skipped`;
  if (kind === 'old') return `${text}; older than ${durationText(windowMs)}`;
  return policy === 'latest' ? `${text}; only the latest is run` : `${text}; only the newest ${burst} are run`;
}

function durationText(ms: number): string {
  const minutes = Math.round(ms / 60_000);
  if (minutes % 1_440 === 0 && minutes > 1_440) return `${minutes / 1_440} days`;
  return minutes % 60 === 0 ? `${minutes / 60} h` : `${minutes} min`;
}

function nextAfter(timetable: Timetable, at: number): string | null {
  const [slot] = timetable.next(at, 1);
  return slot === undefined ? null : iso(slot.at);
}

function sameInstant(a: string, b: string): boolean {
  return Date.parse(a) === Date.parse(b);
}
