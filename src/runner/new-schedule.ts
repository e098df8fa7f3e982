/** From what somebody asked for to the schedule that is stored, or the reason why it is not. */
import { iso } from '../clock.ts';
import type { Clock } from '../clock.ts';
import { ScheduleName } from '../store/records.ts';
import { ScheduleSpec } from '../store/schedule-records.ts';
import type { Schedule } from '../store/schedule-records.ts';
import { suggest } from '../suggest.ts';
import { readInput } from './fields.ts';
import type { LoadedJob } from './jobs.ts';
import type { Registry } from './registry.ts';
import { MAX_SCHEDULES } from './schedule-book.ts';
import type { Entry, ScheduleBook } from './schedule-book.ts';
import { goesNowhere } from './schedule-fields.ts';
import type { NewScheduleRequest, Refused } from './schedules.ts';
import { createTimetable } from './time/slots.ts';
import { readWhen } from './time/spec.ts';
import { checkZone } from './time/zone.ts';

/** Schedules of one job. */
export const MAX_OF_JOB = 20;
const OTHER_NAME = 'Choose another name.';

export interface NewScheduleDeps {
  book: ScheduleBook;
  registry: Registry;
  clock: Clock;
  /** The zone of a request that names none. */
  zone: string;
}

/** Makes the check of a request. */
export function createNewSchedule(deps: NewScheduleDeps): (request: NewScheduleRequest) => Promise<Wanted | Refused> {
  const { book, registry, clock } = deps;

  async function nameOf(
    request: NewScheduleRequest,
    job: LoadedJob,
  ): Promise<{ name: string; present?: Entry } | Refused> {
    const named = ScheduleName.safeParse(request.name ?? nameFor(job.name, request.when));
    if (!named.success) {
      const problem = `${named.error.issues[0]?.message ?? 'is no name'}.`;
      return { outcome: 'invalid', field: 'name', problem, hint: `Try ${job.name}.monday.` };
    }
    const name = named.data;
    const present = await book.get(name);
    if (present === undefined) return { name };
    if (present.schedule.spec.job !== job.name) {
      // Not whose: who asks may be for some jobs only.
      return { outcome: 'invalid', field: 'name', problem: `${name} is a schedule of another job.`, hint: OTHER_NAME };
    }
    if (present.schedule.origin === 'file' && !present.schedule.gone)
      return { outcome: 'file_owned', name, file: job.file };
    return { name, present };
  }
  async function roomFor(job: LoadedJob): Promise<Refused | undefined> {
    const all = await book.all();
    if (all.length >= MAX_SCHEDULES) return { outcome: 'limit', limit: MAX_SCHEDULES };
    const own = all.filter((one) => one.schedule.spec.job === job.name);
    return own.length >= MAX_OF_JOB ? { outcome: 'limit', limit: MAX_OF_JOB } : undefined;
  }

  return async (request) => {
    await registry.freshen();
    const job = registry.get(request.job);
    if (job === undefined) {
      const known = registry.list().map((one) => one.name);
      return { outcome: 'unknown_job', name: request.job, suggestions: suggest(request.job, known) };
    }
    const spec = specOf(job, request, deps.zone);
    if ('outcome' in spec) return spec;
    const named = await nameOf(request, job);
    if ('outcome' in named) return named;
    const full = named.present === undefined ? await roomFor(job) : undefined;
    if (full !== undefined) return full;
    return { name: named.name, schedule: begun(spec, request, { present: named.present?.schedule, now: clock.now() }) };
  };
}

/** What was due before anybody asked for it is not missed. */
function begun(
  spec: ScheduleSpec,
  { actor }: NewScheduleRequest,
  { present, now }: { present: Schedule | undefined; now: number },
): Schedule {
  const from = Math.max(now, Date.parse(present?.watermark ?? iso(now)));
  const [first] = createTimetable(spec).next(from, 1);
  const { last, skips } = present ?? {};
  return {
    spec,
    origin: 'stored',
    createdAt: present?.createdAt ?? iso(now),
    createdBy: actor,
    watermark: iso(from),
    nextSlot: first === undefined ? null : iso(first.at),
    ...(last === undefined ? {} : { last }),
    ...(skips === undefined ? {} : { skips }),
  };
}

export interface Wanted {
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
    return {
      outcome: 'invalid',
      field: 'input',
      problem,
      hint: issue?.hint ?? `It must fit the input of ${job.name}.`,
    };
  }
  const { destinations, origin } = request;
  if ((destinations?.length ?? 0) === 0 && origin === undefined && goesNowhere(job)) {
    const problem = `The report of ${job.name} goes to where it was asked, and a schedule asks from nowhere.`;
    return {
      outcome: 'invalid',
      field: 'destinations',
      problem,
      hint: 'Say where it shall go: a channel or an address.',
    };
  }
  return ScheduleSpec.parse({
    job: job.name,
    when: request.when.trim(),
    cron: when.when.cron,
    zone: zone.zone,
    input: input.input,
    ...(origin === undefined ? {} : { origin }),
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
