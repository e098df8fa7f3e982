/** The fields of a job's definition that have to do with time and permission: its schedules, its overlap rule, its guards. */
import { z } from 'zod';
import { UsageError, messageOf } from '../errors.ts';
import { ScheduleName } from '../store/records.ts';
import type { Destination } from '../store/destinations.ts';
import { ScheduleSpec } from '../store/schedule-records.ts';
import type { Json } from '../store/store.ts';
import { parseDuration } from './duration.ts';
import { readInput } from './fields.ts';
import type { InputShape } from './fields.ts';
import type { LoadedJob, LoadedSchedule } from './jobs.ts';
import { parseTarget } from './targets.ts';
import { readWhen } from './time/spec.ts';
import { checkZone } from './time/zone.ts';

const MAX_SCHEDULES = 20;

const Span = z.union([z.number(), z.string()]).transform((value, ctx) => {
  const ms = typeof value === 'number' ? value : parseDuration(value);
  if (ms !== undefined && Number.isFinite(ms)) return Math.round(ms);
  ctx.addIssue({ code: 'custom', message: 'must be a time like 15m, 2h or 3d' });
  return z.NEVER;
});

/** A place that a report or a notice can go to by itself: `origin` has no meaning where nobody asked. */
const Place = z.unknown().transform((value, ctx): Destination => {
  try {
    const target = parseTarget(value);
    if (target !== 'origin') return target;
    ctx.addIssue({ code: 'custom', message: 'nobody asks for a run of a schedule: name a place instead of origin' });
  } catch (error) {
    const hint = error instanceof UsageError ? `: ${error.hint ?? ''}` : '';
    ctx.addIssue({ code: 'custom', message: `${messageOf(error)}${hint}` });
  }
  return z.NEVER;
});

const Policy = z.enum(['skip', 'latest', 'all']);
const DefinedSchedule = z.strictObject({
  when: z.string().max(120),
  zone: z.string().max(64).optional(),
  /** Tells apart the schedules of one job. */
  name: z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]{0,39}$/, 'must be small letters, digits and -')
    .optional(),
  input: z.record(z.string(), z.unknown()).default({}),
  destinations: z.array(Place).max(20).optional(),
  catchUp: z
    .union([
      Policy.transform((policy) => ({ policy })),
      z.strictObject({ policy: Policy.optional(), window: Span.optional(), burst: z.number().optional() }),
    ])
    .optional(),
  days: z.enum(['all', 'business']).optional(),
  holidays: z.array(z.string()).optional(),
  blackouts: z.array(z.strictObject({ from: z.string(), to: z.string(), reason: z.string() })).optional(),
  tell: z.array(Place).max(5).optional(),
  alert: z
    .strictObject({ after: z.number().optional(), coolDown: Span.optional(), pauseAfter: z.number().optional() })
    .optional(),
  lateAfter: Span.optional(),
});
type DefinedSchedule = z.infer<typeof DefinedSchedule>;

const EnvName = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,99}$/, 'must be the name of an environment variable');
const Cap = z.number().int().min(1).max(1_000_000);
const HOST = /^(?:\*\.)?[a-z0-9](?:[a-z0-9.:-]{0,251}[a-z0-9])?$/;

/** What must hold before a run of the job starts. */
export const Guards = z.strictObject({
  /** An environment variable that must be 1, true, yes or on. */
  enabledBy: EnvName.optional(),
  /** Hosts that addresses in the input, and targets, may name: exact, or `*.example.com`. */
  allowedHosts: z
    .array(z.string().toLowerCase().regex(HOST, 'must be a host like example.com or *.example.com'))
    .max(100)
    .optional(),
  maxPerTick: Cap.optional(),
  maxPerHour: Cap.optional(),
  maxPerDay: Cap.optional(),
  /** The slot after a failed run is skipped, once. */
  skipAfterFailure: z.boolean().default(false),
  approval: z.literal('required').optional(),
});
export type Guards = z.infer<typeof Guards>;

export const scheduleFields = {
  schedules: z.array(DefinedSchedule).max(MAX_SCHEDULES).default([]),
  overlap: z.enum(['skip', 'queue', 'cancel-previous']).default('skip'),
  guards: Guards.prefault({}),
  /** Costs money or much time: not without a gate and a cap in production, and never a burst of missed runs. */
  expensive: z.boolean().default(false),
};

interface JobShape {
  name: string;
  schema: z.ZodObject;
  shape: InputShape;
  destinations: LoadedJob['destinations'];
}

/** The schedules of a definition, read and named; throws a UsageError that names the field and what is wrong with it. */
export function loadSchedules(job: JobShape, defined: readonly DefinedSchedule[]): LoadedSchedule[] {
  const loaded = defined.map((one, at) => loadSchedule(job, one, `schedules.${at}`));
  const twice = loaded.find((one, at) => loaded.findIndex((other) => other.name === one.name) !== at);
  if (twice === undefined) return loaded;
  throw invalid(`schedules: two are named ${twice.name}`, 'give each a name of its own: name: weekly');
}

function loadSchedule(job: JobShape, defined: DefinedSchedule, at: string): LoadedSchedule {
  const name = ScheduleName.safeParse(defined.name === undefined ? job.name : `${job.name}.${defined.name}`);
  if (!name.success) throw invalid(`${at}.name: ${name.error.issues[0]?.message ?? 'is no name'}`);
  const read = readWhen(defined.when);
  if (!read.ok) throw invalid(`${at}.when: ${read.problem}`, read.hint);
  const zone = defined.zone === undefined ? undefined : checkZone(defined.zone);
  if (zone?.ok === false) throw invalid(`${at}.zone: ${zone.problem}`, zone.hint);
  const input = readInput(job.schema, job.shape, { input: defined.input, as: 'json' });
  if (!input.ok) {
    const [issue] = input.issues;
    throw invalid(`${at}.input.${issue?.path ?? ''}: ${issue?.message ?? 'does not fit the input of the job'}`);
  }
  if ((defined.destinations?.length ?? 0) === 0 && goesNowhere(job))
    throw invalid(
      `${at}.destinations: the report of the job goes to where it was asked, and a schedule asks from nowhere`,
      "say where it goes: destinations: ['#channel']",
    );
  const { cron } = read.when;
  const { zone: known, ...rest } = specOf(job.name, { defined, cron, zone: zone?.zone, input: input.input }, at);
  return { name: name.data, ...rest, ...(zone === undefined ? {} : { zone: known }) };
}

interface Parts {
  defined: DefinedSchedule;
  cron: string;
  zone: string | undefined;
  input: Json;
}

function specOf(job: string, { defined, cron, zone, input }: Parts, at: string): ScheduleSpec {
  const { catchUp, alert, destinations, tell, lateAfter } = defined;
  const parsed = ScheduleSpec.safeParse({
    job,
    when: defined.when,
    cron,
    zone: zone ?? 'UTC',
    input,
    ...(destinations === undefined ? {} : { destinations }),
    ...(catchUp === undefined ? {} : { catchUp: renamed(catchUp, { window: 'windowMs' }) }),
    ...(defined.days === undefined ? {} : { days: defined.days }),
    ...(defined.holidays === undefined ? {} : { holidays: defined.holidays }),
    ...(defined.blackouts === undefined ? {} : { blackouts: defined.blackouts }),
    ...(tell === undefined ? {} : { tell }),
    ...(alert === undefined ? {} : { alert: renamed(alert, { coolDown: 'coolDownMs' }) }),
    ...(lateAfter === undefined ? {} : { lateAfterMs: lateAfter }),
  });
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw invalid(`${at}.${issue?.path.map(String).join('.') ?? ''}: ${issue?.message ?? 'is invalid'}`);
}

/** Whether the job's report would go only to where it was asked. A function is asked at the end of a run: nobody knows before. */
export function goesNowhere(job: Pick<LoadedJob, 'destinations'>): boolean {
  return Array.isArray(job.destinations) && job.destinations.every((target) => target === 'origin');
}

/** People write times with a unit; records hold milliseconds and say so in the name. */
function renamed(value: object, names: Record<string, string>): Record<string, unknown> {
  const given = Object.entries(value).filter(([, one]) => one !== undefined);
  return Object.fromEntries(given.map(([key, one]): [string, unknown] => [names[key] ?? key, one]));
}

function invalid(message: string, hint?: string): UsageError {
  return new UsageError(message, { code: 'JOB_INVALID', ...(hint === undefined ? {} : { hint }) });
}
