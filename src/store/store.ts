/**
 * The port (ADR 0004): one table of verbs that every backend keeps. Each write verb is ONE commit that is durable when it resolves.
 * There is no public transaction and no `update(id, patch)`. Business outcomes are data; only unavailability throws
 * (DependencyError with STORE_FAILED, STORE_FULL …).
 */
import type { AgentAccount } from './agent-records.ts';
import type { Destination, Receipt, Withheld } from './destinations.ts';
import type {
  Actor,
  AttemptEnd,
  AuditEntry,
  BlobRef,
  Delivery,
  Doc,
  Failure,
  Lease,
  Output,
  Part,
  PlannedDelivery,
  Progress,
  Run,
  RunSlot,
  Trigger,
  Kind,
  RunPolicy,
} from './records.ts';
import type { Skip } from './schedule-records.ts';
import type { About, Notice } from './notice-records.ts';
import type { Reader } from './reader.ts';
import type { Report } from './report.ts';

export type Json = Run['input'];

export interface NewRun {
  /** Minted by a caller that writes it elsewhere in the same commit; a run that has it already is INPUT_INVALID. Default: minted here. */
  id?: string;
  job: string;
  kind: Kind;
  queue: string;
  trigger: Trigger;
  actor: Actor;
  input: Json;
  policy: RunPolicy;
  priority?: number;
  retryOf?: string;
  origin?: Destination;
  /** Where the report goes, instead of the job's destinations; at most 20. */
  destinations?: readonly Destination[];
  /** The due time that it stands for. */
  schedule?: RunSlot;
  /** A second submit with the same key within 24 h, or while the run is unfinished, returns the first run. */
  idempotencyKey?: string;
  /** Default: now. Later: the run is `scheduled` until then. */
  runAt?: string;
  /** It is `waiting` until somebody approves it; nobody does for 7 days: it is cancelled. */
  waits?: 'approval';
  /** The live card, planned with the run. Ids are minted by the caller in the act that plans them. */
  deliveries?: PlannedDelivery[];
}

export type SubmitOutcome =
  | { outcome: 'accepted'; run: Run }
  | { outcome: 'deduplicated'; run: Run }
  | { outcome: 'queue_full'; limit: number }
  | { outcome: 'too_large'; bytes: number; limit: number };

export interface ClaimRequest {
  /**
   * The queues to take from, each with at most `limit` runs. As soon as one has a weight, queues with a backlog share the claim by their
   * weights (1 when not given), and priority counts inside a queue only (G11); a queue of weight 0 gets what the others leave.
   */
  queues: readonly { name: string; limit: number; weight?: number }[];
  kinds: readonly Kind[];
  limit: number;
  workerId: string;
  leaseMs: number;
}

/** `exhausted`: the last attempt was cut off and none is left; settle it as failed without executing it. */
export interface ClaimedRun {
  run: Run;
  lease: Lease;
  exhausted: boolean;
}

export interface Heartbeat {
  lease: Lease;
  leaseMs: number;
  progress?: Progress;
}

/** How an attempt ended. `retryAt` set: the run becomes `retrying`; the caller has checked that attempts are left. */
export interface Settlement {
  lease: Lease;
  end: Extract<AttemptEnd, 'completed' | 'failed' | 'timed_out' | 'lease_expired'>;
  retryAt?: string;
  result?: Json;
  report?: Report;
  error?: Failure;
  stderr?: Output;
  progress?: Progress;
  /** All that a plugin answered, kept with a final outcome. */
  response?: Json;
  /** What an agent did and cost in this attempt. */
  agent?: AgentAccount;
  /** The report's deliveries, committed with the outcome. */
  deliveries?: PlannedDelivery[];
  /** Where the report is not sent, and why; at most 20. */
  withheld?: readonly Withheld[];
  /** What a final outcome names of the blobs that were put before. */
  blobs?: readonly BlobRef[];
  /** What the attempt used up of its counters, whether reserved or not. */
  spend?: readonly Spend[];
  /** The run's own documents (memory, plugin state), committed with the outcome. */
  docs?: readonly NewDoc[];
}

/**
 * `conflict`: one of the documents has another rev by now. `blob_missing`: put it again. In both, and with `too_large`, nothing was changed
 * and the lease stays current.
 */
export type SettleOutcome =
  | { outcome: 'settled'; run: Run }
  | { outcome: 'stale' }
  | { outcome: 'too_large'; bytes: number; limit: number }
  | { outcome: 'conflict'; kind: string; key: string; rev: number }
  | { outcome: 'blob_missing'; sha256: string };

/** A document to write. `rev` is compared with the present one, 0 when there is none; without it the document is replaced as it is. */
export interface NewDoc {
  kind: string;
  key: string;
  rev?: number;
  value: Json;
  expiresAt?: string;
  /**
   * It is removed with this run. Not given: it stays with the run it belongs to, if any. Of a run that is gone a settle or a charge leaves
   * it out, and `putDoc` rejects with RUN_UNKNOWN.
   */
  runId?: string;
}

/** Whole numbers in a unit that the counter's owner chose: micro-dollars, tokens, runs. */
export interface Spend {
  /** Names the counter: a document key, such as `2026-11.weekly-report.usd`. */
  key: string;
  amount: number;
  /** When the counter may be forgotten; as it was before when not given. */
  expiresAt?: string;
}

export interface Reservation {
  runId: string;
  /** All are granted or none; at most 20. */
  counters: readonly (Spend & { cap: number })[];
}

/** What a run used up, counted apart from its settle. */
export interface Charge {
  runId: string;
  /** At most 20. */
  spend: readonly Spend[];
  /** Written in the same commit, each replaced as it is; at most 20. */
  docs?: readonly Omit<NewDoc, 'rev'>[];
}

/** A skip to keep. `joins`: no due time lies between it and the newest kept one, so with the same reason the two become one. */
export interface NewSkip extends Skip {
  joins?: boolean;
}

/** An act to note in the same commit as what it did. */
export type NewAudit = Omit<AuditEntry, 'id' | 'at'>;

export interface Advance {
  /** The schedule's name, and the key of its document. */
  schedule: string;
  /** Where it stood when the caller decided; null: it never advanced. */
  expectedWatermark: string | null;
  /** Later than that, unless nothing is started or skipped. */
  watermark: string;
  /** When it is due next; null: never again. Kept as it is when left out. */
  nextSlot?: string | null;
  runs: readonly NewRun[];
  /** In the order of their times. */
  skips: readonly NewSkip[];
  /**
   * Fields of the document that the planner owns, such as `last`; null takes one away. The rest of it stays as it is at the commit, and
   * neither its spec nor what this verb keeps itself can be set: that is INPUT_INVALID.
   */
  set?: Readonly<Record<string, Json>>;
  audit?: NewAudit;
}

/** `stale`: the schedule stands elsewhere. `queue_full`, `too_large`: a run cannot be accepted. In all three nothing was changed. */
export type AdvanceOutcome =
  | { outcome: 'advanced'; doc: Doc; runs: SubmitOutcome[] }
  | { outcome: 'stale'; watermark: string | null }
  | Extract<SubmitOutcome, { outcome: 'queue_full' | 'too_large' }>;

/** What a counter stands at: `used` was spent, `held` is reserved by unfinished runs, `mine` is the part of that of the run itself. */
export interface Counter {
  key: string;
  used: number;
  held: number;
  mine: number;
}

/** `refused`: `used` + `held` + `amount` would be more than `cap`. */
export type ReserveOutcome =
  | { outcome: 'reserved'; counters: Counter[] }
  | { outcome: 'refused'; key: string; used: number; held: number; amount: number; cap: number }
  | { outcome: 'already_final'; run: Run }
  | { outcome: 'not_found' };

export type CancelOutcome =
  { outcome: 'cancelled'; run: Run } | { outcome: 'already_final'; run: Run } | { outcome: 'not_found' };

/** `not_waiting`: somebody approved or denied it before, or it never had to wait. */
export type ApproveOutcome =
  { outcome: 'approved'; run: Run } | { outcome: 'not_waiting'; run: Run } | { outcome: 'not_found' };

export type RemoveOutcome = { outcome: 'removed'; run: Run } | { outcome: 'not_found' };

export type DeliveryLease = {
  deliveryId: string;
  fence: number;
  workerId: string;
} & ({ runId: string; noticeId?: never } | { noticeId: string; runId?: never });

export interface ClaimedDelivery {
  delivery: Delivery;
  about: About;
  lease: DeliveryLease;
}

/** A report that no run made, and where it goes; each place once, at most 20. */
export interface NewNotice extends Pick<Notice, 'key' | 'kind' | 'report'> {
  schedule?: string;
  job?: string;
  destinations: readonly Destination[];
}

export interface AddNoticeOutcome {
  outcome: 'added' | 'deduplicated';
  notice: Notice;
}

/** Freezes the parts, or moves one of them: `sending` before the send, `sent` with its receipt after it, `pending` when surely not sent. */
export interface PartChange {
  lease: DeliveryLease;
  freeze?: Pick<Part, 'n' | 'body'>[];
  part?: { n: number; state: 'sending' | 'sent' | 'pending'; at: string; receipt?: Receipt };
}

export interface DeliverySettlement {
  lease: DeliveryLease;
  /**
   * `delivered`: all parts have receipts. `retrying`: not before `nextAt`. `unknown`: it may have arrived, and nobody can tell;
   * final unless `nextAt` is given (then it is looked for again). `failed`: final.
   * `shown`: mode live, the card now shows `shownVersion`; the delivery waits for the next change.
   */
  outcome: 'delivered' | 'retrying' | 'unknown' | 'failed' | 'shown';
  nextAt?: string;
  error?: Failure;
  shownVersion?: number;
}

export type Fenced = { outcome: 'recorded'; delivery: Delivery } | { outcome: 'stale' };

export type PutOutcome = { outcome: 'stored'; doc: Doc } | { outcome: 'conflict'; rev: number };

export type PutBlobOutcome =
  { outcome: 'stored'; sha256: string; bytes: number } | { outcome: 'too_large'; limit: number };

export interface BackupInfo {
  dir: string;
  at: string;
  files: number;
  bytes: number;
}

export interface OpenReport {
  backend: 'memory' | 'lowdb';
  /** Runs that a dead process had claimed; they are claimable again. */
  interrupted: string[];
  /** Records set aside because they could not be read, each with its reason. */
  quarantined: { path: string; reason: string }[];
  /** True when the derived index was rebuilt from the records. */
  rebuilt: boolean;
  runs: number;
  ms: number;
}

export interface Store extends Reader {
  /** Accepts runs; entry i of the answer belongs to run i. Writes the runs, their keys, their live card and an audit entry. */
  submit(runs: readonly NewRun[]): Promise<SubmitOutcome[]>;
  /** Leases due runs: higher priority first, then earlier runAt, then acceptance order. */
  claim(request: ClaimRequest): Promise<ClaimedRun[]>;
  /** Renews leases and notes progress; names the runs whose lease is no longer current. */
  heartbeat(beats: readonly Heartbeat[]): Promise<{ lost: string[]; cancelled: string[] }>;
  /** Ends attempts; a lease that is not current changes nothing (`stale`). */
  settle(settlements: readonly Settlement[]): Promise<SettleOutcome[]>;
  /** Hands runs back without counting the attempt (drain); stale leases are ignored. */
  release(leases: readonly Lease[]): Promise<void>;
  /** Lets a waiting run go on: it is queued, or scheduled when its `runAt` is later. To deny it, cancel it. */
  approve(runId: string, actor: Actor): Promise<ApproveOutcome>;
  /** Ends a run that is not final; a later settle of its lease is stale. */
  cancel(runId: string, actor: Actor): Promise<CancelOutcome>;
  /** Deletes a run and what hangs on it, for good; an unfinished one is cancelled first; completes what an earlier try left half-way. */
  remove(runId: string, actor: Actor): Promise<RemoveOutcome>;
  /**
   * Moves a schedule on and accepts what that starts, all or nothing (G17): of several processes that decide at once, one advances, and a
   * crash leaves neither a due time that was forgotten nor one that runs twice.
   */
  advance(step: Advance): Promise<AdvanceOutcome>;
  /**
   * Sets amounts aside for an unfinished run, so that two runs cannot both pass a cap. A counter that the run holds already stays as it
   * is (idempotent by run). What is held is spent by settles and given back when the run ends in any way.
   */
  reserve(reservation: Reservation): Promise<ReserveOutcome>;
  /**
   * Counts what a run has used up so far, out of what it holds: so that neither a crash nor a cancel loses it. Also for a run that is over
   * or gone: what was spent was spent.
   */
  charge(charge: Charge): Promise<void>;
  /** From now on no claim takes runs of the queue (G15); what runs goes on, submits are accepted. It lasts over restarts. */
  pause(queue: string, actor: Actor): Promise<{ outcome: 'paused' | 'already_paused' }>;
  resume(queue: string, actor: Actor): Promise<{ outcome: 'resumed' | 'not_paused' }>;
  /** Leases due deliveries in planning order, oldest first; a `live` one is due when its card's version differs from the shown one. */
  claimDeliveries(request: { limit: number; workerId: string; leaseMs: number }): Promise<ClaimedDelivery[]>;
  /**
   * Keeps a notice together with the plan of its deliveries. While one with its key is kept (30 days after its last delivery ended), that
   * one is the answer. A report of more than 64 KB is TOO_LARGE; OVERLOADED: too many are not delivered yet.
   */
  addNotice(notice: NewNotice): Promise<AddNoticeOutcome>;
  recordPart(change: PartChange): Promise<Fenced>;
  settleDelivery(settlement: DeliverySettlement): Promise<Fenced>;
  /** The instant at which the next run or delivery is due, if any is known. */
  nextDue(what: 'run' | 'delivery'): string | undefined;
  /** How many runs of a queue, or how many deliveries, a claim could take now; of a paused queue none. */
  countDue(what: { queue: string } | 'delivery'): number;
  /** Compare-and-set: `rev` 0 creates; a different present rev is a conflict. */
  putDoc(doc: NewDoc & { rev: number; audit?: NewAudit }): Promise<PutOutcome>;
  /** Removes the document; where there is none, nothing is noted either. */
  removeDoc(kind: string, key: string, audit?: NewAudit): Promise<void>;
  /** Bytes beside the runs, named by their hash. `put` resolves when they are durable; what no run names within an hour is collected. */
  blobs: Reader['blobs'] & {
    put(source: AsyncIterable<Uint8Array>): Promise<PutBlobOutcome>;
  };
  appendAudit(entry: NewAudit): Promise<void>;
  /**
   * Copies the store to a new or empty folder while it goes on working; what was committed before the call is in the copy. To restore,
   * copy it back as the data folder. Rejects with INPUT_INVALID when the folder cannot be used or the store is not in a folder.
   */
  backup(dir: string, signal?: AbortSignal): Promise<BackupInfo>;
  /** Expires leases and documents; call it every few seconds. Bounded work a call. */
  sweep(): Promise<{ expiredLeases: number; expiredDocs: number }>;
  /** Waits for writes under way and releases the folder; idempotent. */
  close(): Promise<void>;
}
