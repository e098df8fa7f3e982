/**
 * Brings what the definitions of jobs say of their schedules into the store, whenever a definition changed. The definition owns the spec;
 * how far the planner has come, and what people paused or snoozed, stays.
 */
import { isDeepStrictEqual } from 'node:util';
import { iso } from '../clock.ts';
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import type { Schedule, ScheduleSpec } from '../store/schedule-records.ts';
import type { LoadedJob, LoadedSchedule } from './jobs.ts';
import type { JobProblem, Registry } from './registry.ts';
import { mayComeBack } from './registry.ts';
import type { Entry, ScheduleBook } from './schedule-book.ts';
import { createTimetable } from './time/slots.ts';

export interface FileSchedules {
  /** Cheap when no definition changed since the last time. */
  sync(entries: readonly Entry[]): Promise<void>;
}

interface Deps {
  book: ScheduleBook;
  registry: Pick<Registry, 'list' | 'problems'>;
  clock: Clock;
  log: Log;
  /** The zone of a schedule that names none. */
  zone: string;
}

/** Makes the keeper of the schedules that files define. */
export function createFileSchedules(deps: Deps): FileSchedules {
  const { book, registry, clock, log, zone } = deps;
  /** The definitions as they were brought in; the registry keeps an object for as long as its file stands. */
  const known = new Map<string, LoadedJob>();

  async function bring(job: LoadedJob): Promise<void> {
    for (const defined of job.schedules) {
      const result = await book.change<string>(defined.name, (present) => {
        if (present?.schedule.origin === 'stored' && present.schedule.spec.job !== job.name) {
          return { refuse: `it is a stored schedule of ${present.schedule.spec.job}` };
        }
        const wanted = wantedOf(defined, present?.schedule);
        return present !== undefined && isDeepStrictEqual(wanted, present.schedule) ? 'keep' : { set: wanted };
      });
      if (result.outcome === 'refused')
        log.error('a schedule of a file cannot be used', { schedule: defined.name, reason: result.refusal });
    }
  }
  function wantedOf(defined: LoadedSchedule, present: Schedule | undefined): Schedule {
    const { name: _, zone: named, ...rest } = defined;
    const spec = { ...rest, zone: named ?? zone };
    if (present === undefined) return { spec, origin: 'file', createdAt: iso(clock.now()) };
    const { gone, watermark, nextSlot, ...kept } = present;
    const sameTimes = present.spec.cron === spec.cron && present.spec.zone === spec.zone;
    // Other times begin now: what would have been due by a spec that did not exist is not made up for.
    const progress =
      sameTimes && gone === undefined
        ? { ...(watermark === undefined ? {} : { watermark }), ...(nextSlot === undefined ? {} : { nextSlot }) }
        : restarted(present, spec, clock.now());
    return { ...kept, ...progress, spec, origin: 'file' };
  }
  async function missing(entries: readonly Entry[], problems: readonly JobProblem[]): Promise<void> {
    for (const { name, schedule } of entries) {
      if (schedule.origin !== 'file' || schedule.gone) continue;
      const job = known.get(schedule.spec.job);
      // A file that is broken since the start may define it.
      if (job === undefined ? mayComeBack(schedule.spec.job, problems) : job.schedules.some((one) => one.name === name))
        continue;
      await book.change<never>(name, (present) => {
        if (present === undefined || present.schedule.gone) return 'keep';
        return { set: { ...present.schedule, gone: true, nextSlot: null } };
      });
      log.warn('a schedule is no longer in its file and rests', { schedule: name });
    }
  }

  return {
    async sync(entries) {
      const jobs = registry.list();
      const changed = jobs.filter((job) => known.get(job.name) !== job);
      const gone = [...known.keys()].filter((name) => !jobs.some((job) => job.name === name));
      const first = known.size === 0;
      if (changed.length === 0 && gone.length === 0 && !first) return;
      for (const name of gone) known.delete(name);
      for (const job of changed) {
        await bring(job);
        known.set(job.name, job);
      }
      await missing(entries, registry.problems());
    },
  };
}

/** The watermark never falls, so a schedule that starts anew starts from now or from where it stood, whichever is later. */
function restarted(present: Schedule, spec: ScheduleSpec, now: number): Pick<Schedule, 'watermark' | 'nextSlot'> {
  if (present.watermark === undefined) return {};
  const from = Math.max(now, Date.parse(present.watermark));
  const [next] = createTimetable(spec).next(from, 1);
  const resting = present.paused !== undefined || next === undefined;
  return { watermark: iso(from), nextSlot: resting ? null : iso(next.at) };
}
