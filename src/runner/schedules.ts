/**
 * What people do with schedules: one function a verb, the same for every surface. Each act and its audit entry are one commit. A
 * schedule that a job's file defines keeps its times there: here it can be paused, snoozed and skipped, but not changed or removed.
 */
import { iso } from '../clock.ts';
import type { Clock } from '../clock.ts';
import { suggest } from '../suggest.ts';
import { ScheduleName } from '../store/records.ts';
import type { Actor, Destination } from '../store/records.ts';
import { ScheduleSpec } from '../store/schedule-records.ts';
import type { Schedule } from '../store/schedule-records.ts';
import type { Store } from '../store/store.ts';
import { readInput } from './fields.ts';
import type { LoadedJob } from './jobs.ts';
import type { Registry } from './registry.ts';
import type { Runner, SubmitResult } from './runner.ts';
import { goesNowhere } from './schedule-fields.ts';
import { MAX_SCHEDULES } from './schedule-book.ts';
import type { Entry, ScheduleBook } from './schedule-book.ts';
import { nextTimes, viewOf } from './schedule-views.ts';
import type { NextTime, ScheduleView } from './schedule-views.ts';
import { readUntil } from './time/until.ts';
import { readWhen } from './time/spec.ts';
import { createTimetable } from './time/slots.ts';
import { checkZone } from './time/zone.ts';

export interface NewScheduleRequest {
  job: string;
  when: string;
  /** Default: the zone of the configuration. */
  zone?: string;
  input?: unknown;
  as: 'words' | 'json';
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
  /** What came due in between is kept as one skip that names who paused. */
  resume(ref: string, actor: Actor): Promise<Paused | Refused>;
  /** Leaves out every due time until then: `2d`, `3h`, a date in the schedule's zone, or an instant; at most a year ahead. */
  snooze(ref: string, until: string, actor: Actor): Promise<Done<'snoozed'> | Refused>;
  /** Leaves out the next due time. */
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

const MAX_OF_JOB = 20;
const MAX_REASON = 500;

/** Makes the verbs. */
export function createSchedules(deps: SchedulesDeps): Schedules {
  const { store, book, registry, runner, clock } = deps;

  async function draw(entry: Entry): Promise<ScheduleView> {
    const { last, spec } = entry.schedule;
    const run = last === undefined ? undefined : await store.get(last.runId);
    const job = registry.get(spec.job) === undefined ? 'missing' : 'there';
    return viewOf(entry, { now: clock.now(), job, lastState: run?.state });
  }
  async function named(ref: string): Promise<{ entry: Entry } | Refused> {
    const text = ref.trim().toLowerCase();
    const exact = await book.get(text);
    if (exact !== undefined) return { entry: exact };
    const all = await book.all();
    const ofJob = all.filter(({ schedule }) => schedule.spec.job === text && !schedule.gone);
    const [only, second] = ofJob;
    if (only !== undefined && second === undefined) return { entry: only };
    if (only !== undefined) return { outcome: 'ambiguous', ref, names: ofJob.map((one) => one.name).slice(0, MAX_OF_JOB) };
    return { outcome: 'not_found', ref, suggestions: suggest(text, [...new Set(all.map((one) => one.name))]) };
  }
  /** Changes one that is there. */
  async function changed(
    found: Entry,
    change: (schedule: Schedule) => Schedule,
    audit: { actor: Actor; act: 'snooze' | 'skip' | 'pause' | 'resume'; note?: string },
  ): Promise<Entry | Refused> {
    const result = await book.change<Refused>(found.name, (present) => {
      if (present === undefined) return { refuse: { outcome: 'not_found', ref: found.name, suggestions: [] } };
      const entry = { ...audit, schedule: found.name, job: present.schedule.spec.job };
      return { set: change(present.schedule), audit: entry };
    });
    return result.outcome === 'refused' ? result.refusal : result.entry;
  }

  async function wanted(request: NewScheduleRequest): Promise<Wanted | Refused> {
    const { actor } = request;
    await registry.freshen();
    const job = registry.get(request.job);
    if (job === undefined) {
      const known = registry.list().map((one) => one.name);
      return { outcome: 'unknown_job', name: request.job, suggestions: suggest(request.job, known) };
    }
    const spec = specOf(job, request, deps.zone);
    if ('outcome' in spec) return spec;
    const named = ScheduleName.safeParse(request.name ?? nameFor(job.name, request.when));
    if (!named.success) {
      const problem = `${named.error.issues[0]?.message ?? 'is no name'}.`;
      return { outcome: 'invalid', field: 'name', problem, hint: `Try ${job.name}.monday.` };
    }
    const name = named.data;
    const present = await book.get(name);
    if (present?.schedule.origin === 'file' && !present.schedule.gone)
      return { outcome: 'file_owned', name, file: job.file };
    if (present !== undefined && present.schedule.spec.job !== job.name) {
      const problem = `${name} is a schedule of ${present.schedule.spec.job}.`;
      return { outcome: 'invalid', field: 'name', problem, hint: 'Choose another name.' };
    }
    const all = present === undefined ? await book.all() : [];
    if (all.length >= MAX_SCHEDULES) return { outcome: 'limit', limit: MAX_SCHEDULES };
    if (all.filter((one) => one.schedule.spec.job === job.name).length >= MAX_OF_JOB)
      return { outcome: 'limit', limit: MAX_OF_JOB };
    const now = clock.now();
    // What was due before anybody asked for it is not missed.
    const watermark = iso(Math.max(now, Date.parse(present?.schedule.watermark ?? iso(now))));
    const [first] = createTimetable(spec).next(Date.parse(watermark), 1);
    const { last, skips } = present?.schedule ?? {};
    const schedule: Schedule = {
      spec,
      origin: 'stored',
      createdAt: present?.schedule.createdAt ?? iso(now),
      createdBy: actor,
      watermark,
      nextSlot: first === undefined ? null : iso(first.at),
      ...(last === undefined ? {} : { last }),
      ...(skips === undefined ? {} : { skips }),
    };
    return { name, schedule };
  }

  async function pauseOne(entry: Entry, actor: Actor, reason: string | undefined): Promise<boolean> {
    if (entry.schedule.paused !== undefined || entry.schedule.gone) return false;
    const since = iso(clock.now());
    const why = reason?.trim() === '' ? undefined : reason?.trim().slice(0, MAX_REASON);
    const paused = { since, by: actor, ...(why === undefined ? {} : { reason: why }) };
    const note = why === undefined ? {} : { note: why };
    const result = await changed(entry, (one) => ({ ...one, paused, nextSlot: null }), { actor, act: 'pause', ...note });
    return !('outcome' in result);
  }
  async function resumeOne(entry: Entry, actor: Actor): Promise<boolean> {
    const { paused } = entry.schedule;
    if (paused === undefined) return false;
    const present = await skipPaused(entry, paused);
    const now = clock.now();
    const [first] = createTimetable(present.schedule.spec).next(
      Math.max(now, Date.parse(present.schedule.watermark ?? iso(now))),
      1,
    );
    const nextSlot = first === undefined ? null : iso(first.at);
    const result = await changed(present, ({ paused: _, ...rest }) => ({ ...rest, nextSlot }), { actor, act: 'resume' });
    return !('outcome' in result);
  }
  /** Keeps what came due while it was paused as one range. A crash after it leaves the schedule paused, and nothing is counted twice. */
  async function skipPaused(entry: Entry, paused: NonNullable<Schedule['paused']>): Promise<Entry> {
    const { watermark, spec } = entry.schedule;
    const now = clock.now();
    if (watermark === undefined || Date.parse(watermark) >= now) return entry;
    const { count, first, last } = createTimetable(spec).count(Date.parse(watermark), now);
    const reason = `Paused by ${paused.by.name ?? paused.by.id}${paused.reason === undefined ? '' : `: ${paused.reason}`}`;
    const range =
      first === undefined || last === undefined
        ? []
        : [{ from: iso(first), to: iso(last), count, reason: reason.slice(0, MAX_REASON) }];
    await store.advance({
      schedule: entry.name,
      expectedWatermark: watermark,
      watermark: iso(now),
      runs: [],
      skips: range,
    });
    return (await book.get(entry.name)) ?? entry;
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
      const names = await forAll(ref, (entry) => pauseOne(entry, actor, reason));
      return Array.isArray(names) ? { outcome: names.length === 0 ? 'unchanged' : 'paused', names } : names;
    },
    async resume(ref, actor) {
      const names = await forAll(ref, (entry) => resumeOne(entry, actor));
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
      const place = spec.destinations === undefined ? {} : { destinations: spec.destinations };
      return runner.submit({ job: spec.job, input: spec.input, as: 'json', actor, trigger: 'manual', ...place });
    },
  };

  async function ofJob(job: string): Promise<Entry[]> {
    return (await book.all()).filter(({ schedule }) => schedule.spec.job === job).slice(0, MAX_OF_JOB);
  }
}

interface Wanted {
  name: string;
  schedule: Schedule;
}

function specOf(job: LoadedJob, request: NewScheduleRequest, defaultZone: string): ScheduleSpec | Refused {
  const when = readWhen(request.when);
  if (!when.ok) return { outcome: 'invalid', field: 'when', problem: when.problem, hint: when.hint };
  const zone = checkZone(request.zone ?? defaultZone);
  if (!zone.ok) return { outcome: 'invalid', field: 'zone', problem: zone.problem, hint: zone.hint };
  const input = readInput(job.schema, job.shape, { input: request.input, as: request.as });
  if (!input.ok) {
    const [issue] = input.issues;
    const problem = `${issue?.path || 'The input'}: ${issue?.message ?? 'does not fit'}`;
    return { outcome: 'invalid', field: 'input', problem, hint: issue?.hint ?? `It must fit the input of ${job.name}.` };
  }
  const { destinations } = request;
  if ((destinations?.length ?? 0) === 0 && goesNowhere(job)) {
    const problem = `The report of ${job.name} goes to where it was asked, and a schedule asks from nowhere.`;
    return { outcome: 'invalid', field: 'destinations', problem, hint: 'Say where it shall go: a channel or an address.' };
  }
  return ScheduleSpec.parse({
    job: job.name,
    when: request.when.trim(),
    cron: when.when.cron,
    zone: zone.zone,
    input: input.input,
    ...(destinations === undefined || destinations.length === 0 ? {} : { destinations }),
  });
}

/** `weekly-report` and `mon 09:00` make `weekly-report.mon-0900`. */
function nameFor(job: string, when: string): string {
  const slug = when
    .toLowerCase()
    .replace(/[^a-z0-9\s,-]/g, '')
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '');
  return `${job}.${slug === '' ? 'schedule' : slug}`.slice(0, 80).replace(/[-.]+$/, '');
}
