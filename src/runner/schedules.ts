/**
 * What people do with schedules: one function a verb, the same for every surface. Each act and its audit entry are one commit. A
 * schedule that a job's file defines keeps its times there: here it can be paused, snoozed and skipped, but not changed or removed.
 */
import { iso } from '../clock.ts';
import type { Clock } from '../clock.ts';
import type { Destination } from '../store/destinations.ts';
import type { Actor } from '../store/records.ts';
import type { Schedule } from '../store/schedule-records.ts';
import type { Store } from '../store/store.ts';
import { suggest } from '../suggest.ts';
import { createNewSchedule, MAX_OF_JOB } from './new-schedule.ts';
import { createPauses } from './pauses.ts';
import type { Registry } from './registry.ts';
import type { Runner, SubmitResult } from './runner.ts';
import type { Entry, ScheduleBook } from './schedule-book.ts';
import { nextTimes, viewOf } from './schedule-views.ts';
import type { NextTime, ScheduleView } from './schedule-views.ts';
import { readUntil } from './time/until.ts';

export interface NewScheduleRequest {
  job: string;
  when: string;
  /** Default: the zone of the configuration. */
  zone?: string;
  input?: unknown;
  as: 'words' | 'json';
  /** Where it is asked: what a job's destination `origin` means for its runs. */
  origin?: Destination;
  /** Where the report goes, instead of the job's destinations. */
  destinations?: readonly Destination[];
  /** Default: made of the job and the time. */
  name?: string;
  actor: Actor;
}

export type Refused =
  | { outcome: 'unknown_job'; name: string; suggestions: string[] }
  | {
      outcome: 'invalid';
      field: 'when' | 'zone' | 'input' | 'name' | 'until' | 'destinations';
      problem: string;
      hint: string;
    }
  | { outcome: 'not_found'; ref: string; suggestions: string[] }
  | { outcome: 'ambiguous'; ref: string; names: string[] }
  | { outcome: 'file_owned'; name: string; file: string | undefined }
  | { outcome: 'limit'; limit: number };

type Done<Outcome extends string> = { outcome: Outcome; view: ScheduleView };
export type Paused = { outcome: 'paused' | 'resumed'; names: string[] } | { outcome: 'unchanged'; names: string[] };

export interface Schedules {
  /** By name, at most 1,000. */
  list(): Promise<ScheduleView[]>;
  /** A schedule by its name, or by its job's when that has just one. */
  find(ref: string): Promise<{ outcome: 'found'; view: ScheduleView } | Refused>;
  /** What `create` would store; stores nothing. */
  preview(request: NewScheduleRequest): Promise<Done<'ok'> | Refused>;
  /** Stores a schedule; one of the same name that is not a file's is changed. */
  create(request: NewScheduleRequest): Promise<Done<'created' | 'changed'> | Refused>;
  remove(ref: string, actor: Actor): Promise<Done<'removed'> | Refused>;
  /** `all` is every schedule. */
  pause(ref: string, actor: Actor, reason?: string): Promise<Paused | Refused>;
  /**
   * What came due in between is kept as one skip that names who paused. One that is named and not paused: its snooze or its skip ends.
   * Of `all`, only pauses end: what somebody left out on purpose stays left out.
   */
  resume(ref: string, actor: Actor): Promise<Paused | Refused>;
  /** Leaves out every due time until then: `2d`, `3h`, a date in the schedule's zone, or an instant; at most a year ahead. */
  snooze(ref: string, until: string, actor: Actor): Promise<Done<'snoozed'> | Refused>;
  /** Leaves out the next due time; asked again before it, it is still that one. */
  skipNext(ref: string, actor: Actor): Promise<Done<'skipping'> | Refused>;
  /** The next `n` due times (at most 20) of a schedule, or of every schedule of a job. */
  next(ref: string, n: number): Promise<{ outcome: 'ok'; views: { view: ScheduleView; next: NextTime[] }[] } | Refused>;
  /** Runs it now, without moving it. */
  runNow(ref: string, actor: Actor): Promise<SubmitResult | Refused>;
}

export interface SchedulesDeps {
  store: Store;
  book: ScheduleBook;
  registry: Registry;
  runner: Pick<Runner, 'submit'>;
  clock: Clock;
  zone: string;
}

/** Makes the verbs. */
export function createSchedules(deps: SchedulesDeps): Schedules {
  const { store, book, registry, runner, clock } = deps;
  const wanted = createNewSchedule(deps);
  const pauses = createPauses(deps);

  async function draw(entry: Entry): Promise<ScheduleView> {
    const { last, spec } = entry.schedule;
    const run = last === undefined ? undefined : await store.get(last.runId);
    return viewOf(entry, { now: clock.now(), job: registry.get(spec.job), lastState: run?.state });
  }
  async function named(ref: string): Promise<{ entry: Entry } | Refused> {
    const text = ref.trim().toLowerCase();
    const exact = await book.get(text);
    if (exact !== undefined) return { entry: exact };
    const all = await book.all();
    const own = all.filter(({ schedule }) => schedule.spec.job === text && !schedule.gone);
    const [only, second] = own;
    if (only !== undefined && second === undefined) return { entry: only };
    if (only !== undefined)
      return { outcome: 'ambiguous', ref, names: own.map((one) => one.name).slice(0, MAX_OF_JOB) };
    return { outcome: 'not_found', ref, suggestions: suggest(text, [...new Set(all.map((one) => one.name))]) };
  }
  /** Changes one that is there. */
  async function changed(
    found: Entry,
    change: (schedule: Schedule) => Schedule,
    audit: { actor: Actor; act: 'snooze' | 'skip'; note: string },
  ): Promise<Entry | Refused> {
    const result = await book.change<Refused>(found.name, (present) => {
      if (present === undefined) return { refuse: { outcome: 'not_found', ref: found.name, suggestions: [] } };
      const entry = { ...audit, schedule: found.name, job: present.schedule.spec.job };
      return { set: change(present.schedule), audit: entry };
    });
    return result.outcome === 'refused' ? result.refusal : result.entry;
  }

  async function forAll(ref: string, act: (entry: Entry) => Promise<boolean>): Promise<string[] | Refused> {
    if (ref.trim().toLowerCase() !== 'all') {
      const found = await named(ref);
      if ('outcome' in found) return found;
      return (await act(found.entry)) ? [found.entry.name] : [];
    }
    const names: string[] = [];
    for (const entry of await book.all()) if (await act(entry)) names.push(entry.name);
    return names;
  }

  return {
    list: async () => Promise.all((await book.all()).map(draw)),
    async find(ref) {
      const found = await named(ref);
      return 'outcome' in found ? found : { outcome: 'found', view: await draw(found.entry) };
    },
    async preview(request) {
      const made = await wanted(request);
      return 'outcome' in made ? made : { outcome: 'ok', view: await draw({ ...made, rev: 0 }) };
    },
    async create(request) {
      const made = await wanted(request);
      if ('outcome' in made) return made;
      const { name, schedule } = made;
      const note = `${schedule.spec.when} ${schedule.spec.zone}`;
      let was: 'created' | 'changed' = 'created';
      const result = await book.change<Refused>(name, (present) => {
        if (present?.schedule.origin === 'file' && !present.schedule.gone)
          return { refuse: { outcome: 'file_owned', name, file: undefined } };
        was = present === undefined ? 'created' : 'changed';
        const audit = { actor: request.actor, act: 'schedule', schedule: name, job: schedule.spec.job, note } as const;
        return { set: schedule, audit };
      });
      if (result.outcome === 'refused') return result.refusal;
      return { outcome: was, view: await draw(result.entry) };
    },
    async remove(ref, actor) {
      const found = await named(ref);
      if ('outcome' in found) return found;
      const { name, schedule } = found.entry;
      const { job } = schedule.spec;
      if (schedule.origin === 'file' && !schedule.gone)
        return { outcome: 'file_owned', name, file: registry.get(job)?.file };
      const view = await draw(found.entry);
      await book.remove(name, { actor, act: 'unschedule', schedule: name, job });
      return { outcome: 'removed', view };
    },
    async pause(ref, actor, reason) {
      const names = await forAll(ref, (entry) => pauses.pause(entry, actor, reason));
      return Array.isArray(names) ? { outcome: names.length === 0 ? 'unchanged' : 'paused', names } : names;
    },
    async resume(ref, actor) {
      const single = ref.trim().toLowerCase() !== 'all';
      const act = async (entry: Entry): Promise<boolean> =>
        (await pauses.resume(entry, actor)) || (single && (await pauses.wake(entry, actor)));
      const names = await forAll(ref, act);
      return Array.isArray(names) ? { outcome: names.length === 0 ? 'unchanged' : 'resumed', names } : names;
    },
    async snooze(ref, until, actor) {
      const found = await named(ref);
      if ('outcome' in found) return found;
      const { zone } = found.entry.schedule.spec;
      const read = readUntil(until, { now: clock.now(), zone });
      if (!read.ok) return { outcome: 'invalid', field: 'until', problem: read.problem, hint: read.hint };
      const snoozed = { until: iso(read.at), by: actor };
      const audit = { actor, act: 'snooze', note: snoozed.until } as const;
      const result = await changed(found.entry, (one) => ({ ...one, snoozed }), audit);
      return 'outcome' in result ? result : { outcome: 'snoozed', view: await draw(result) };
    },
    async skipNext(ref, actor) {
      const found = await named(ref);
      if ('outcome' in found) return found;
      const { skipNext: already } = found.entry.schedule;
      // Asked twice it is one time that is left out; moving on to the next would run the first after all.
      if (already !== undefined && Date.parse(already.slot) > clock.now())
        return { outcome: 'skipping', view: await draw(found.entry) };
      const [next] = nextTimes(found.entry.schedule, clock.now(), 1);
      if (next === undefined) {
        const problem = `${found.entry.name} has no due time to skip.`;
        return { outcome: 'invalid', field: 'until', problem, hint: 'Resume it first.' };
      }
      const skipNext = { slot: next.at, by: actor };
      const audit = { actor, act: 'skip', note: next.at } as const;
      const result = await changed(found.entry, (one) => ({ ...one, skipNext }), audit);
      return 'outcome' in result ? result : { outcome: 'skipping', view: await draw(result) };
    },
    async next(ref, n) {
      const found = await named(ref);
      const entries = 'entry' in found ? [found.entry] : await ofJob(ref);
      if (entries.length === 0 && 'outcome' in found) return found;
      const drawn = entries.map(async (entry) => {
        const idle = entry.schedule.gone || entry.schedule.paused !== undefined;
        return { view: await draw(entry), next: idle ? [] : nextTimes(entry.schedule, clock.now(), n) };
      });
      return { outcome: 'ok', views: await Promise.all(drawn) };
    },
    async runNow(ref, actor) {
      const found = await named(ref);
      if ('outcome' in found) return found;
      const { spec } = found.entry.schedule;
      const place = {
        ...(spec.origin === undefined ? {} : { origin: spec.origin }),
        ...(spec.destinations === undefined ? {} : { destinations: spec.destinations }),
      };
      return runner.submit({ job: spec.job, input: spec.input, as: 'json', actor, trigger: 'manual', ...place });
    },
  };

  async function ofJob(job: string): Promise<Entry[]> {
    return (await book.all()).filter(({ schedule }) => schedule.spec.job === job).slice(0, MAX_OF_JOB);
  }
}
