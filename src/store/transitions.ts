/**
 * Which state of a run may follow which, and who moves it: pure functions from a run to the next run. They read no clock and write
 * nothing, so every backend keeps the same rules. What a crash leaves is `interruptRun`: the attempt that was under way counts.
 */
import { iso } from '../clock.ts';
import { BellhopError } from '../errors.ts';
import { isFinal, MAX_ATTEMPTS_KEPT } from './records.ts';
import type { Actor, Attempt, Delivery, Lease, Run, RunState, RunSummary } from './records.ts';
import type { Heartbeat, Settlement } from './store.ts';

export type RunVerb = 'submit' | 'approve' | 'claim' | 'settle' | 'release' | 'cancel' | 'interrupt';

/** Every allowed move. `interrupt` is a lease that expired, or a run that a dead process left `running`. */
export const RUN_TRANSITIONS: readonly { verb: RunVerb; from: readonly RunState[]; to: readonly RunState[] }[] = [
  { verb: 'submit', from: [], to: ['queued', 'scheduled', 'waiting'] },
  { verb: 'approve', from: ['waiting'], to: ['queued', 'scheduled'] },
  { verb: 'claim', from: ['scheduled', 'queued', 'retrying'], to: ['running'] },
  { verb: 'settle', from: ['running'], to: ['completed', 'failed', 'retrying'] },
  { verb: 'release', from: ['running'], to: ['queued', 'retrying'] },
  { verb: 'cancel', from: ['waiting', 'scheduled', 'queued', 'running', 'retrying'], to: ['cancelled'] },
  { verb: 'interrupt', from: ['running'], to: ['retrying'] },
];

/** Whether the table lets `verb` move a run from one state to another. */
export function mayMove(verb: RunVerb, from: RunState, to: RunState): boolean {
  return RUN_TRANSITIONS.some((row) => row.verb === verb && row.from.includes(from) && row.to.includes(to));
}

/** Whether a claim may take this run at `nowIso`. */
export function isClaimable(run: Pick<Run, 'state' | 'runAt'>, nowIso: string): boolean {
  return mayMove('claim', run.state, 'running') && run.runAt <= nowIso;
}

/** Whether the run has used its last attempt, so that it may only be settled as failed. */
export function isExhausted(run: Pick<Run, 'attemptsUsed' | 'policy'>): boolean {
  return run.attemptsUsed >= run.policy.maxAttempts;
}

/**
 * Whether this lease is the current one. Time plays no part: a late holder is stale only once the lease was taken away, so a clock
 * that steps cannot make two holders current (G4, G5).
 */
export function holdsLease(run: Run, lease: Lease): boolean {
  return (
    run.state === 'running' &&
    run.lease !== undefined &&
    run.lease.fence === lease.fence &&
    run.lease.workerId === lease.workerId
  );
}

/**
 * Leases a run for `leaseMs` milliseconds. The attempt counts from here on, so that a crash cannot make it free; `release` gives it
 * back. An exhausted run starts no attempt: its lease is there to settle it.
 */
export function claimRun(run: Run, terms: { now: number; workerId: string; leaseMs: number }): Run {
  const fence = run.fence + 1;
  const at = iso(terms.now);
  const { progress: _progress, ...rest } = run;
  const attempt: Attempt = { number: run.attemptsUsed + 1, fence, workerId: terms.workerId, startedAt: at };
  const started = isExhausted(run)
    ? {}
    : { attemptsUsed: run.attemptsUsed + 1, attempts: [...run.attempts, attempt].slice(-MAX_ATTEMPTS_KEPT) };
  return {
    ...move({ run: rest, verb: 'claim', to: 'running' }, terms.now),
    ...started,
    fence,
    lease: { runId: run.id, fence, workerId: terms.workerId, expiresAt: iso(terms.now + terms.leaseMs) },
    startedAt: run.startedAt ?? at,
  };
}

/** Renews the lease and takes over the progress; `rev` grows only when a reader can see a change. */
export function heartbeatRun(run: Run, beat: Heartbeat, now: number): Run {
  const lease: Lease = { ...beat.lease, runId: run.id, expiresAt: iso(now + beat.leaseMs) };
  if (beat.progress === undefined || same(beat.progress, run.progress)) return { ...run, lease };
  return { ...run, lease, progress: beat.progress, rev: run.rev + 1, updatedAt: iso(now) };
}

/** Ends the attempt of the current lease: final, or `retrying` until `retryAt`. A retry carries no report and plans no delivery. */
export function settleRun(run: Run, settlement: Settlement, now: number): Run {
  const { end, error, stderr, report, result, response, withheld = [] } = settlement;
  const attempts = endAttempt(run, {
    endedAt: iso(now),
    end,
    ...(error === undefined ? {} : { error }),
    ...(stderr === undefined ? {} : { stderr }),
  });
  const progress = settlement.progress ?? run.progress;
  const { lease: _lease, error: _error, ...rest } = run;
  const common = {
    attempts,
    ...(error === undefined ? {} : { error }),
    ...(progress === undefined ? {} : { progress }),
    ...(settlement.agent === undefined ? {} : { agent: settlement.agent }),
  };
  if (settlement.retryAt !== undefined && end !== 'completed') {
    const retrying = move({ run: rest, verb: 'settle', to: 'retrying' }, now);
    return { ...retrying, ...common, runAt: iso(Date.parse(settlement.retryAt)) };
  }
  return {
    ...move({ run: rest, verb: 'settle', to: end === 'completed' ? 'completed' : 'failed' }, now),
    ...common,
    ...(result === undefined ? {} : { result }),
    ...(response === undefined ? {} : { response }),
    ...(report === undefined ? {} : { report }),
    finishedAt: iso(now),
    deliveries: [...run.deliveries, ...(settlement.deliveries ?? [])],
    ...(withheld.length === 0 ? {} : { withheld: [...withheld] }),
    ...(settlement.blobs === undefined ? {} : { blobs: [...settlement.blobs] }),
  };
}

/** Hands the run back without counting its attempt (G14); its number is used again. */
export function releaseRun(run: Run, now: number): Run {
  const counted = run.attempts.some((attempt) => attempt.fence === run.fence && attempt.end === undefined);
  const { lease: _lease, progress: _progress, ...rest } = run;
  return {
    ...move({ run: rest, verb: 'release', to: counted ? 'queued' : 'retrying' }, now),
    attempts: endAttempt(run, { endedAt: iso(now), end: 'drained' }),
    attemptsUsed: counted ? run.attemptsUsed - 1 : run.attemptsUsed,
  };
}

/** Lets a waiting run go on; one whose time has passed meanwhile is due now. */
export function approveRun(run: Run, actor: Actor, now: number): Run {
  const isLater = Date.parse(run.runAt) > now;
  return {
    ...move({ run, verb: 'approve', to: isLater ? 'scheduled' : 'queued' }, now),
    runAt: isLater ? run.runAt : iso(now),
    approvedBy: actor,
  };
}

/** Ends a run that is not final. */
export function cancelRun(run: Run, actor: Actor, now: number): Run {
  const { lease: _lease, ...rest } = run;
  return {
    ...move({ run: rest, verb: 'cancel', to: 'cancelled' }, now),
    attempts: endAttempt(run, { endedAt: iso(now), end: 'cancelled' }),
    cancelledBy: actor,
    finishedAt: iso(now),
  };
}

/**
 * Takes the lease from a holder that died or fell silent. The attempt counts; the run is claimable at once, even when it was the last
 * attempt: then the next claim says `exhausted`, so that somebody writes the report of the failure.
 */
export function interruptRun(run: Run, now: number): Run {
  const holder = run.lease?.workerId ?? 'unknown';
  const error = {
    code: 'LEASE_EXPIRED',
    message: `The worker ${holder} died or stopped answering while it executed the run.`,
  };
  const { lease: _lease, ...rest } = run;
  return {
    ...move({ run: rest, verb: 'interrupt', to: 'retrying' }, now),
    attempts: endAttempt(run, { endedAt: iso(now), end: 'lease_expired', error }),
    error,
    runAt: iso(now),
  };
}

/**
 * The version of what a run's card shows: it grows with the run, and with every outcome of one of its report deliveries (a delivery's
 * `rev` counts outcomes, not claims or parts). The card's own delivery is left out, else showing it would change it.
 */
export function cardVersion(run: Pick<Run, 'rev'>, deliveries: readonly Pick<Delivery, 'mode' | 'rev'>[]): number {
  let version = run.rev;
  for (const delivery of deliveries) if (delivery.mode === 'report') version += delivery.rev;
  return version;
}

/** What lists show of a run. */
export function summaryOf(run: Run): RunSummary {
  return {
    id: run.id,
    rev: run.rev,
    job: run.job,
    kind: run.kind,
    queue: run.queue,
    state: run.state,
    trigger: run.trigger,
    actor: run.actor,
    ...(run.retryOf === undefined ? {} : { retryOf: run.retryOf }),
    priority: run.priority,
    createdAt: run.createdAt,
    updatedAt: run.updatedAt,
    runAt: run.runAt,
    ...(run.startedAt === undefined ? {} : { startedAt: run.startedAt }),
    ...(run.finishedAt === undefined ? {} : { finishedAt: run.finishedAt }),
    attemptsUsed: run.attemptsUsed,
    ...(run.error === undefined ? {} : { errorCode: run.error.code }),
    ...(run.schedule === undefined ? {} : { schedule: { name: run.schedule.name, slot: run.schedule.slot } }),
    ...(run.agent === undefined ? {} : { microUsd: run.agent.runMicroUsd }),
  };
}

function move(step: { run: Run; verb: RunVerb; to: RunState }, now: number): Run {
  const { run, verb, to } = step;
  if (isFinal(run.state) || !mayMove(verb, run.state, to)) {
    throw new BellhopError(`${verb} may not move ${run.id} from ${run.state} to ${to}.`, { code: 'INTERNAL' });
  }
  return { ...run, state: to, rev: run.rev + 1, updatedAt: iso(now) };
}

/** The attempts with the one under way ended; unchanged when the lease had started none. */
function endAttempt(run: Run, ending: Partial<Attempt>): Attempt[] {
  return run.attempts.map((attempt) =>
    attempt.fence === run.fence && attempt.end === undefined ? { ...attempt, ...ending } : attempt,
  );
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
