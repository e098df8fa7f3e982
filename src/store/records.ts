/**
 * Every thing that Bellhop keeps, as zod schemas. The words (ADR 0001):
 *
 * - A **job** is what can be run; a **run** is one time that it was run; an **attempt** is one try within a run.
 * - A **trigger** says why a run exists, an **actor** who asked.
 * - A **lease** is a worker's time-limited claim on a run, with a **fence** number that only grows.
 * - A **report** is the human-readable outcome; a **notice** is a report that no run made (notice-records.ts); a **delivery** brings one
 *   report to one **destination**;
 *   a **part** is one message of a delivery; a **receipt** is the proof that a part arrived.
 * - A run's state and its deliveries' states are two things and are always shown as two things.
 *
 * Run states, who moves them, and what a crash leaves:
 *
 * | state     | entered by                        | left by                | after a crash                                  |
 * |-----------|-----------------------------------|------------------------|------------------------------------------------|
 * | waiting   | submit (somebody has to approve)  | approve, cancel, sweep after 7 days | unchanged                         |
 * | scheduled | submit with a later runAt, approve | claim, cancel         | unchanged                                      |
 * | queued    | submit, release, approve          | claim, cancel          | unchanged                                      |
 * | running   | claim                             | settle, release, cancel, sweep | becomes retrying at open, the attempt is noted as lease_expired |
 * | retrying  | settle (failed, attempts are left), sweep | claim, cancel  | unchanged                                      |
 * | completed, failed, cancelled | settle; settle; cancel, sweep | nothing: final | unchanged                                 |
 *
 * Delivery states: pending -> sending -> delivered | retrying | unknown | failed. A delivery that a dead process left `sending`
 * is claimed again at start; a part in state `sending` may have arrived and is looked for before it is sent again.
 */
import { z } from 'zod';
import { AgentAccount, MicroUsd } from './agent-records.ts';
import { Destination, MAX_DESTINATIONS, Receipt, Withheld } from './destinations.ts';
import { Report } from './report.ts';

export const RUN_STATES = [
  'waiting',
  'scheduled',
  'queued',
  'running',
  'retrying',
  'completed',
  'failed',
  'cancelled',
] as const;
export const RunState = z.enum(RUN_STATES);
export type RunState = z.infer<typeof RunState>;

export const FINAL_STATES: readonly RunState[] = ['completed', 'failed', 'cancelled'];
export function isFinal(state: RunState): boolean {
  return FINAL_STATES.includes(state);
}

export const KINDS = ['function', 'command', 'plugin', 'agent'] as const;
export const Kind = z.enum(KINDS);
export type Kind = z.infer<typeof Kind>;

const JOB_NAME = /^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/;
export const JobName = z.string().max(64).regex(JOB_NAME, 'must be kebab-case, like weekly-report');

/** A job's own schedule is named `<job>` or `<job>.<name>`; two words mean something else where a schedule may be named. */
export const ScheduleName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9._-]{0,79}$/, 'must be like weekly-report.monday: a-z, 0-9, dot, dash and underscore')
  .refine((name) => name !== 'status' && name !== 'all', 'must not be `status` or `all`');

export const Instant = z.iso.datetime();
const Count = z.number().int().nonnegative();
export const RunId = z.string().regex(/^run_[0-9a-z]{26}$/);
export const NoticeId = z.string().regex(/^ntc_[0-9a-z]{26}$/);
const DeliveryId = z.string().regex(/^dlv_[0-9a-z]{26}$/);

export const Trigger = z.enum(['slack', 'api', 'cli', 'schedule', 'manual', 'retry']);
export type Trigger = z.infer<typeof Trigger>;

/** Who asked. `id` is unique inside its kind: a Slack user id, a token id, `user@host`, a schedule's name. */
export const Actor = z.object({
  kind: z.enum(['slack', 'token', 'certificate', 'operator', 'schedule', 'system']),
  id: z.string().min(1).max(200),
  name: z.string().max(200).optional(),
  /** The HTTP request by which it was asked, as it stands in the log and the answer. */
  requestId: z.string().max(64).exactOptional(),
});
export type Actor = z.infer<typeof Actor>;

/** What went wrong, as people and programs read it: a code of errors.ts, the message, and the way out. */
export const Failure = z.object({
  code: z.string().max(60),
  message: z.string(),
  hint: z.string().optional(),
});
export type Failure = z.infer<typeof Failure>;

/** The head and tail of an output stream; `droppedBytes` were left out between them. */
export const Output = z.object({ head: z.string(), tail: z.string(), droppedBytes: Count });
export type Output = z.infer<typeof Output>;

export const AttemptEnd = z.enum(['completed', 'failed', 'timed_out', 'lease_expired', 'cancelled', 'drained']);
export type AttemptEnd = z.infer<typeof AttemptEnd>;

export const Attempt = z.object({
  /** From 1; a drained attempt's number is used again. */
  number: z.number().int().positive(),
  fence: z.number().int().positive(),
  workerId: z.string().max(200),
  startedAt: Instant,
  endedAt: Instant.optional(),
  end: AttemptEnd.optional(),
  error: Failure.optional(),
  stderr: Output.optional(),
});
export type Attempt = z.infer<typeof Attempt>;
export const MAX_ATTEMPTS_KEPT = 20;

export const Step = z.object({
  title: z.string().max(200),
  state: z.enum(['running', 'completed', 'failed']),
  startedAt: Instant,
  endedAt: Instant.optional(),
  note: z.string().max(500).optional(),
});
export type Step = z.infer<typeof Step>;
export const MAX_STEPS = 50;

/** What a running function says about itself: its steps, and a share between 0 and 1 with a word about it. */
export const Progress = z.object({
  steps: z.array(Step).max(MAX_STEPS).default([]),
  share: z.number().min(0).max(1).optional(),
  note: z.string().max(500).optional(),
});
export type Progress = z.infer<typeof Progress>;

const oneLine = (text: string): boolean => !/\p{Cc}/u.test(text);

/** `live`: the card of the run, posted once and then edited. `report`: always new messages. */
export const DeliveryMode = z.enum(['live', 'report']);
export type DeliveryMode = z.infer<typeof DeliveryMode>;

/** What is to be delivered; committed with the run, so that a crash between "done" and "posted" loses nothing. */
export const PlannedDelivery = z.object({
  id: DeliveryId,
  mode: DeliveryMode,
  destination: Destination,
  /** Who is told in a direct message when a Slack channel cannot be posted to: a Slack user id. */
  fallbackUser: z.string().max(30).optional(),
});
export type PlannedDelivery = z.infer<typeof PlannedDelivery>;

/** The policy of the job at the time of the submit; a changed job file does not change runs that exist. */
export const RunPolicy = z.object({
  maxAttempts: z.number().int().min(1).max(20),
  timeoutMs: z.number().int().positive(),
  backoff: z.object({ baseMs: z.number().int().positive(), maxMs: z.number().int().positive() }),
});
export type RunPolicy = z.infer<typeof RunPolicy>;

export const Lease = z.object({
  runId: RunId,
  fence: z.number().int().positive(),
  workerId: z.string().min(1).max(200),
  expiresAt: Instant,
});
export type Lease = z.infer<typeof Lease>;

/** Bytes that a run left beside its record; `sha256` names them in the store, `name` for people. */
export const BlobRef = z.object({
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  bytes: Count,
  name: z.string().min(1).max(200).refine(oneLine),
  type: z.string().max(100).exactOptional(),
  /** The bytes are not kept for longer than this, and nobody has to have them. */
  until: Instant.exactOptional(),
});
export type BlobRef = z.infer<typeof BlobRef>;

/** The due time of a schedule that a run stands for. */
export const RunSlot = z.object({
  name: ScheduleName,
  slot: Instant,
  /** The zone of the schedule, in which people are told the due time; UTC without it. */
  zone: z.string().max(64).exactOptional(),
  /** It was started so long after its time, and why. */
  late: z.object({ ms: Count, reason: z.string().min(1).max(300) }).exactOptional(),
});
export type RunSlot = z.infer<typeof RunSlot>;

export const Run = z.object({
  v: z.literal(1),
  id: RunId,
  /** Grows with every change that a reader can see. */
  rev: z.number().int().positive(),
  job: JobName,
  kind: Kind,
  queue: z.string().min(1).max(80),
  state: RunState,
  trigger: Trigger,
  actor: Actor,
  retryOf: RunId.optional(),
  priority: z.number().int().min(-100).max(100),
  policy: RunPolicy,
  input: z.json(),
  /** Where it was asked: what a job's destination `origin` means. */
  origin: Destination.optional(),
  /** Where the report goes, instead of the job's destinations. */
  destinations: z.array(Destination).max(MAX_DESTINATIONS).exactOptional(),
  schedule: RunSlot.exactOptional(),
  idempotencyKey: z.string().min(1).max(200).optional(),
  createdAt: Instant,
  updatedAt: Instant,
  /** The run is not claimed before this instant. */
  runAt: Instant,
  startedAt: Instant.optional(),
  finishedAt: Instant.optional(),
  /** The fence of the newest claim; 0 before the first. */
  fence: Count,
  lease: Lease.optional(),
  /** Attempts that count against policy.maxAttempts. */
  attemptsUsed: Count,
  /** The newest 20. */
  attempts: z.array(Attempt).max(MAX_ATTEMPTS_KEPT),
  progress: Progress.optional(),
  result: z.json().optional(),
  report: Report.optional(),
  /** All that a plugin answered. */
  response: z.json().exactOptional(),
  /** What an agent did and cost. */
  agent: AgentAccount.exactOptional(),
  error: Failure.optional(),
  /** Who let it go on, when it was submitted as waiting. */
  approvedBy: Actor.exactOptional(),
  cancelledBy: Actor.optional(),
  deliveries: z.array(PlannedDelivery).max(100),
  /** Where the report was not sent, because of what was asked there. */
  withheld: z.array(Withheld).max(MAX_DESTINATIONS).exactOptional(),
  blobs: z.array(BlobRef).max(100).exactOptional(),
});
export type Run = z.infer<typeof Run>;

/** What lists show: everything but input, result, report and attempts. */
export const RunSummary = Run.pick({
  id: true,
  rev: true,
  job: true,
  kind: true,
  queue: true,
  state: true,
  trigger: true,
  actor: true,
  retryOf: true,
  priority: true,
  createdAt: true,
  updatedAt: true,
  runAt: true,
  startedAt: true,
  finishedAt: true,
  attemptsUsed: true,
}).extend({
  errorCode: z.string().optional(),
  schedule: RunSlot.pick({ name: true, slot: true }).exactOptional(),
  /** What a run of an agent cost; null: nobody knows. */
  microUsd: MicroUsd.nullable().exactOptional(),
});
export type RunSummary = z.infer<typeof RunSummary>;

/**
 * One message of a delivery. `body` is what the transport sends, rendered once and frozen before the first part is sent, so that a
 * resend is byte-equal; it is dropped when the delivery is delivered.
 */
export const Part = z.object({
  n: z.number().int().positive(),
  state: z.enum(['pending', 'sending', 'sent']),
  body: z.json().optional(),
  /** When the send was begun: stored before the send, so that a crash in between is seen as "may have arrived". */
  startedAt: Instant.optional(),
  receipt: Receipt.optional(),
});
export type Part = z.infer<typeof Part>;

export const DELIVERY_STATES = ['pending', 'sending', 'delivered', 'retrying', 'unknown', 'failed'] as const;
export const DeliveryState = z.enum(DELIVERY_STATES);
export type DeliveryState = z.infer<typeof DeliveryState>;

export const Delivery = PlannedDelivery.extend({
  /** What it brings: something of this run, or this notice. */
  runId: RunId.exactOptional(),
  noticeId: NoticeId.exactOptional(),
  rev: Count,
  state: DeliveryState,
  createdAt: Instant,
  updatedAt: Instant,
  /** Not claimed before this instant. */
  nextAt: Instant.optional(),
  /** The fence of the newest claim; 0 before the first. */
  fence: Count,
  claimedBy: z.string().max(200).optional(),
  leaseExpiresAt: Instant.optional(),
  /** Claims so far; a delivery whose claims keep dying is given up as poison. */
  attempts: Count,
  /** Claims in a row whose holder died; a settlement starts it again. */
  deaths: Count.optional(),
  parts: z.array(Part).max(50),
  error: Failure.optional(),
  /** Mode live: the version of the card that people see (see cardVersion in transitions.ts). */
  shownVersion: Count.optional(),
}).refine(
  ({ runId, noticeId }) => (runId === undefined) !== (noticeId === undefined),
  'must be of a run or of a notice',
);
export type Delivery = z.infer<typeof Delivery>;

export const DELIVERY_FINAL: readonly DeliveryState[] = ['delivered', 'failed', 'unknown'];

/** A small document beside the runs: `kind` and `key` name it, `rev` is compared and set. */
export const Doc = z.object({
  v: z.literal(1),
  kind: z.string().regex(/^[a-z][a-z0-9-]{0,39}$/),
  key: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/),
  rev: z.number().int().positive(),
  updatedAt: Instant,
  /** Swept after this instant. */
  expiresAt: Instant.optional(),
  /** Removed with this run. */
  runId: RunId.exactOptional(),
  value: z.json(),
});
export type Doc = z.infer<typeof Doc>;

/** A queue from which no claim takes runs (G15). */
export const PausedQueue = z.object({ name: z.string().min(1).max(80), since: Instant, by: Actor });
export type PausedQueue = z.infer<typeof PausedQueue>;

/** An act of an actor worth keeping for ever. */
export const AuditEntry = z.object({
  id: z.string().regex(/^aud_[0-9a-z]{26}$/),
  at: Instant,
  actor: Actor,
  act: z.enum([
    'run',
    'retry',
    'cancel',
    'delete',
    'refused',
    'pause',
    'resume',
    'schedule',
    'unschedule',
    'snooze',
    'skip',
    'token',
    'token-rotate',
    'token-revoke',
    'unsubscribe',
    'mail-suppress',
    'mail-allow',
    'advice',
    'allow',
    'approve',
  ]),
  /** The token that an act is about. */
  token: z.string().max(80).exactOptional(),
  runId: RunId.optional(),
  job: z.string().max(64).optional(),
  queue: z.string().max(80).optional(),
  schedule: z.string().max(80).optional(),
  note: z.string().max(500).optional(),
});
export type AuditEntry = z.infer<typeof AuditEntry>;

/** A fact in the feed. Events are delivered at least once, in the order of `seq`. */
export interface StoreEvent {
  seq: number;
  at: string;
  /** `resync`: events before this one are no longer kept; read the present state. */
  type: 'run' | 'delivery' | 'removed' | 'queue' | 'resync';
  runId?: string;
  /** Type delivery: it brings this notice. */
  noticeId?: string;
  deliveryId?: string;
  job?: string;
  state?: RunState | DeliveryState;
  /** Type queue: it was paused or resumed. */
  queue?: string;
  paused?: boolean;
}
