/** Pausing and resuming: what comes due in between is kept as one skip that names who paused. */
import { iso } from '../clock.ts';
import type { Clock } from '../clock.ts';
import type { Actor } from '../store/records.ts';
import type { Schedule } from '../store/schedule-records.ts';
import type { NewAudit, Store } from '../store/store.ts';
import type { Entry, ScheduleBook } from './schedule-book.ts';
import { createTimetable } from './time/slots.ts';

const MAX_REASON = 500;

export interface Pauses {
  /** False: it is paused already, or rests because its file no longer names it. */
  pause(entry: Entry, actor: Actor, reason: string | undefined): Promise<boolean>;
  /** False: it is not paused. */
  resume(entry: Entry, actor: Actor): Promise<boolean>;
  /** Ends a snooze and a skip. False: there is neither. */
  wake(entry: Entry, actor: Actor): Promise<boolean>;
}

/** Makes both. */
export function createPauses(deps: { store: Store; book: ScheduleBook; clock: Clock }): Pauses {
  const { store, book, clock } = deps;

  async function change(
    entry: Entry,
    wish: (one: Schedule) => Schedule | undefined,
    audit: NewAudit,
  ): Promise<boolean> {
    const result = await book.change<'late'>(entry.name, (present) => {
      const next = present === undefined ? undefined : wish(present.schedule);
      return next === undefined ? { refuse: 'late' } : { set: next, audit };
    });
    return result.outcome === 'changed';
  }
  /** A crash after it leaves the schedule paused, and nothing is counted twice. */
  async function skipPaused(entry: Entry, paused: NonNullable<Schedule['paused']>): Promise<number> {
    const { watermark, spec } = entry.schedule;
    const now = clock.now();
    if (watermark === undefined || Date.parse(watermark) >= now) return Date.parse(watermark ?? iso(now));
    const { count, first, last } = createTimetable(spec).count(Date.parse(watermark), now);
    const why = paused.reason === undefined ? '' : `: ${paused.reason}`;
    const reason = `Paused by ${paused.by.name ?? paused.by.id}${why}`.slice(0, MAX_REASON);
    const none = first === undefined || last === undefined;
    const skips = none ? [] : [{ from: iso(first), to: iso(last), count, reason }];
    const step = { schedule: entry.name, expectedWatermark: watermark, watermark: iso(now), runs: [], skips };
    await store.advance(step);
    return now;
  }

  return {
    async pause(entry, actor, reason) {
      const why = reason?.trim().slice(0, MAX_REASON);
      const note = why === undefined || why === '' ? {} : { reason: why };
      const paused = { since: iso(clock.now()), by: actor, ...note };
      const { job } = entry.schedule.spec;
      const audit = {
        actor,
        act: 'pause',
        schedule: entry.name,
        job,
        ...(note.reason && { note: note.reason }),
      } as const;
      const rests = (one: Schedule): boolean => one.paused !== undefined || one.gone === true;
      return change(entry, (one) => (rests(one) ? undefined : { ...one, paused, nextSlot: null }), audit);
    },
    async resume(entry, actor) {
      const { paused, spec } = entry.schedule;
      if (paused === undefined) return false;
      const from = await skipPaused(entry, paused);
      const [first] = createTimetable(spec).next(from, 1);
      const nextSlot = first === undefined ? null : iso(first.at);
      const audit = { actor, act: 'resume', schedule: entry.name, job: spec.job } as const;
      const wish = ({ paused: present, ...rest }: Schedule): Schedule | undefined =>
        present === undefined ? undefined : { ...rest, nextSlot };
      return change(entry, wish, audit);
    },
    async wake(entry, actor) {
      const audit = { actor, act: 'resume', schedule: entry.name, job: entry.schedule.spec.job } as const;
      const isAhead = (instant: string | undefined): boolean =>
        instant !== undefined && Date.parse(instant) > clock.now();
      const wish = ({ snoozed, skipNext, ...rest }: Schedule): Schedule | undefined =>
        isAhead(snoozed?.until) || isAhead(skipNext?.slot) ? rest : undefined;
      return change(entry, wish, audit);
    },
  };
}
