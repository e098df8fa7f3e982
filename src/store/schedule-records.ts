/** Schedules as they are kept: what a person asked for, how far the planner has come, and what was not run. */
import { z } from 'zod';
import { Destination } from './destinations.ts';
import { Actor, Instant, JobName, RunId } from './records.ts';

/** A range of a schedule's due times that were not run, ends included, with the reason people are told. */
export const Skip = z.object({
  from: Instant,
  to: Instant,
  count: z.number().int().positive(),
  reason: z.string().min(1).max(500),
});
export type Skip = z.infer<typeof Skip>;
export const MAX_SKIPS_KEPT = 100;

/** The document of a schedule (kind `schedule`, its name as key). Fields beside these, such as its spec, belong to the planner. */
export const ScheduleState = z.looseObject({
  /** Everything due until here was run or skipped. */
  watermark: Instant.exactOptional(),
  /** When it is due next; null: never again. */
  nextSlot: Instant.nullable().exactOptional(),
  /** The newest 100. */
  skips: z.array(Skip).max(MAX_SKIPS_KEPT).exactOptional(),
});
export type ScheduleState = z.infer<typeof ScheduleState>;

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** What becomes of due times that passed while nobody planned: older than `windowMs` they are skipped whatever the policy. */
const CatchUp = z.object({
  /** `skip` them all; run the `latest`; run `all`, the newest `burst` of them. */
  policy: z.enum(['skip', 'latest', 'all']).default('latest'),
  windowMs: z
    .number()
    .int()
    .min(MINUTE_MS)
    .max(40 * DAY_MS)
    .default(DAY_MS),
  burst: z.number().int().min(1).max(24).default(5),
});

/** Nothing is run from `from` until just before `to`. */
const Blackout = z
  .object({ from: Instant, to: Instant, reason: z.string().min(1).max(200) })
  .refine(({ from, to }) => Date.parse(from) < Date.parse(to), 'must end after it begins');

/** When failures are told: from the `after`th in a row, at most once a `coolDownMs`; `pauseAfter` so many the schedule is paused. */
const Alert = z.object({
  after: z.number().int().min(1).max(100).default(1),
  coolDownMs: z
    .number()
    .int()
    .min(0)
    .max(40 * DAY_MS)
    .default(HOUR_MS),
  pauseAfter: z.number().int().min(2).max(100).exactOptional(),
});

/** What a person asked for. `cron` and `zone` were read from what was typed (src/runner/time) and are what counts. */
export const ScheduleSpec = z.object({
  job: JobName,
  /** As typed. */
  when: z.string().min(1).max(120),
  /** Five canonical fields: the longest lists of all five are 399 characters. */
  cron: z.string().min(9).max(400),
  /** An IANA name. */
  zone: z.string().min(1).max(64),
  input: z.json(),
  /** Where it was asked for: what a job's destination `origin` means. */
  origin: Destination.exactOptional(),
  /** Where the report goes instead of the job's destinations. */
  destinations: z.array(Destination).max(20).exactOptional(),
  catchUp: CatchUp.prefault({}),
  /** `business`: Monday to Friday in the schedule's zone. */
  days: z.enum(['all', 'business']).default('all'),
  /** Dates in the schedule's zone on which nothing is run. */
  holidays: z.array(z.iso.date()).max(200).default([]),
  blackouts: z.array(Blackout).max(50).default([]),
  /** Where failures are told. */
  tell: z.array(Destination).max(5).exactOptional(),
  alert: Alert.prefault({}),
  /** A run that has not ended so long after its due time is told. */
  lateAfterMs: z
    .number()
    .int()
    .min(MINUTE_MS)
    .max(40 * DAY_MS)
    .default(15 * MINUTE_MS),
});
export type ScheduleSpec = z.infer<typeof ScheduleSpec>;

/** The whole document of a schedule. */
export const Schedule = ScheduleState.extend({
  spec: ScheduleSpec,
  /** `file`: the definition of a job owns the spec. */
  origin: z.enum(['file', 'stored']),
  createdAt: Instant,
  createdBy: Actor.exactOptional(),
  paused: z.object({ since: Instant, by: Actor, reason: z.string().max(500).exactOptional() }).exactOptional(),
  /** Due times until here are skipped. */
  snoozed: z.object({ until: Instant, by: Actor }).exactOptional(),
  /** The one due time that is to be skipped. */
  skipNext: z.object({ slot: Instant, by: Actor }).exactOptional(),
  /** The newest due time that became a run. */
  last: z.object({ slot: Instant, runId: RunId }).exactOptional(),
  /** Its file no longer names it. */
  gone: z.literal(true).exactOptional(),
});
export type Schedule = z.infer<typeof Schedule>;
