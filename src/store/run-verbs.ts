import { z } from 'zod';
import { iso } from '../clock.ts';
import type { Change } from './backing.ts';
import type { Core } from './core.ts';
import { checked, checkedText, encoded, frozen, graft } from './json.ts';
import type { Blobs } from './blobs.ts';
import { checkDocs, withOwners } from './doc-owners.ts';
import type { DocTable } from './doc-table.ts';
import { findDue, takeInOrder } from './due.ts';
import type { Queues } from './queues.ts';
import { isFinal, Progress, Run } from './records.ts';
import type { Ledger } from './reserve.ts';
import type { ClaimedRun, ClaimRequest, Heartbeat, Settlement, SettleOutcome, Store } from './store.ts';
import { createWeights } from './weights.ts';
import {
  claimRun,
  heartbeatRun,
  holdsLease,
  interruptRun,
  isClaimable,
  isExhausted,
  releaseRun,
  settleRun,
} from './transitions.ts';

const WorkerId = z.string().min(1).max(200);

type RunVerbs = Pick<Store, 'claim' | 'heartbeat' | 'settle' | 'release'> & {
  /** Ends leases that were not renewed; at most `limit` a call. */
  expireLeases(limit: number): Promise<number>;
  /** When the next run becomes claimable. */
  nextRunAt(): string | undefined;
  /** How many runs of the queue could be claimed now. */
  countDue(queue: string): number;
};

/** Makes the verbs that move runs. Each works under the lock of its run, so a verb always sees what the one before it committed. */
export function createRunVerbs(
  core: Core,
  parts: { docs: DocTable; ledger: Ledger; queues: Queues; blobs: Blobs },
): RunVerbs {
  const { docs, ledger, queues, blobs } = parts;
  const weights = createWeights();
  /** Runs whose claim is being written: another claim passes over them. */
  const claiming = new Set<string>();

  async function save(run: Run): Promise<Run> {
    const next = frozen(run);
    await commitRun(next, [{ kind: 'run', run: next }]);
    return next;
  }

  function commitRun(run: Run, changes: readonly Change[]): Promise<void> {
    return core.commit({ changes, facts: core.factsOf(run), show: () => core.showRun(run) });
  }

  async function claimOne(runId: string, request: ClaimRequest): Promise<ClaimedRun | undefined> {
    const now = core.clock.now();
    const run = core.hot.get(runId);
    if (run === undefined || !isClaimable(run, iso(now))) return undefined;
    const exhausted = isExhausted(run);
    const next = await save(claimRun(run, { now, workerId: request.workerId, leaseMs: request.leaseMs }));
    return next.lease === undefined ? undefined : { run: next, lease: next.lease, exhausted };
  }

  async function claim(request: ClaimRequest): Promise<ClaimedRun[]> {
    checked(WorkerId, request.workerId, 'The worker id');
    const due = findDue(core, request, (run) => claiming.has(run.id) || queues.isPaused(run.queue));
    const weighted = request.queues.some((queue) => queue.weight !== undefined);
    const picked = weighted ? weights.share(due, request) : takeInOrder(due, request);
    for (const run of picked) claiming.add(run.id);
    try {
      const work = picked.map((run) => core.locks.run(run.id, () => claimOne(run.id, request)));
      const results = await Promise.allSettled(work);
      const claimed: ClaimedRun[] = [];
      let failure: { reason: unknown } | undefined;
      for (const result of results) {
        if (result.status === 'rejected') failure = { reason: result.reason };
        else if (result.value !== undefined) claimed.push(result.value);
      }
      // What was leased must reach its worker, else it would sit out its lease.
      if (claimed.length === 0 && failure !== undefined) throw failure.reason;
      if (failure !== undefined) core.log.warn('some runs could not be claimed', { error: failure.reason });
      return claimed;
    } finally {
      for (const run of picked) claiming.delete(run.id);
    }
  }

  // Renewals live in memory: the holder of the data folder is the only process, and its death ends all leases anyway.
  async function beatOne(beat: Heartbeat): Promise<'kept' | 'lost' | 'cancelled'> {
    const run = core.hot.get(beat.lease.runId);
    if (run === undefined || !holdsLease(run, beat.lease)) {
      return (await core.getRun(beat.lease.runId))?.state === 'cancelled' ? 'cancelled' : 'lost';
    }
    const progress = beat.progress === undefined ? {} : { progress: checked(Progress, beat.progress, 'The progress') };
    const next = frozen(heartbeatRun(run, { ...beat, ...progress }, core.clock.now()));
    if (next.rev === run.rev) core.hot.set(run.id, next);
    else {
      core.showRun(next);
      core.feed.emit({ type: 'run', runId: next.id, job: next.job, state: next.state });
    }
    return 'kept';
  }

  async function settleOne(settlement: Settlement): Promise<SettleOutcome> {
    const run = core.hot.get(settlement.lease.runId);
    if (run === undefined || !holdsLease(run, settlement.lease)) return { outcome: 'stale' };
    const next = settleRun(run, settlement, core.clock.now());
    const text = encoded(next, `The outcome of ${run.id}`);
    const { bytes } = text;
    const limit = core.options.maxRunBytes;
    if (bytes > limit) return { outcome: 'too_large', bytes, limit };
    const after = frozen(graft(checkedText(Run, text), next));
    return commitOutcome({ run: after, bytes }, settlement);
  }

  /** The outcome, what was spent and the run's documents: one commit. */
  async function commitOutcome(
    { run, bytes }: { run: Run; bytes: number },
    { spend = [], docs: wanted = [] }: Settlement,
  ): Promise<SettleOutcome> {
    checkDocs(wanted, 'A settle');
    const named = run.blobs ?? [];
    const blobBytes = named.reduce((sum, ref) => sum + ref.bytes, 0);
    const limit = core.options.maxRunBlobBytes;
    if (blobBytes > limit) return { outcome: 'too_large', bytes: blobBytes, limit };
    const ending = { runId: run.id, spend, final: isFinal(run.state) };
    return docs.locked([...ledger.touched(run.id, spend), ...wanted], async () => {
      for (const doc of wanted) {
        const rev = docs.conflict(doc);
        if (rev !== undefined) return { outcome: 'conflict', kind: doc.kind, key: doc.key, rev };
      }
      const missing = await blobs.claim(run.id, named);
      if (missing !== undefined) return { outcome: 'blob_missing', sha256: missing.sha256 };
      const own = (await withOwners({ core, docs }, run.id, wanted)).map((doc) => docs.stage(doc));
      const counters = ledger.stage(ending);
      const written = [...own, ...counters].map((doc) => ({ kind: 'doc', doc }) as const);
      await core.commit({
        changes: [{ kind: 'run', run }, ...written],
        facts: core.factsOf(run),
        show: () => {
          for (const doc of own) docs.keep(doc);
          ledger.keep(ending, counters);
          core.showRun(run, bytes);
        },
      });
      return { outcome: 'settled', run };
    });
  }

  async function releaseOne(lease: Settlement['lease']): Promise<void> {
    const run = core.hot.get(lease.runId);
    if (run !== undefined && holdsLease(run, lease)) await save(releaseRun(run, core.clock.now()));
  }

  async function expireOne(runId: string): Promise<boolean> {
    const run = core.hot.get(runId);
    if (run === undefined || !isExpired(run, iso(core.clock.now()))) return false;
    await save(interruptRun(run, core.clock.now()));
    return true;
  }

  const locked = <T>(runId: string, work: () => Promise<T>): Promise<T> => core.locks.run(runId, work);
  return {
    claim,
    async heartbeat(beats) {
      const ends = await Promise.all(beats.map((beat) => locked(beat.lease.runId, () => beatOne(beat))));
      const named = (end: string): string[] =>
        beats.filter((_, at) => ends[at] === end).map(({ lease }) => lease.runId);
      return { lost: named('lost'), cancelled: named('cancelled') };
    },
    settle: (all) => every(all.map((one) => locked(one.lease.runId, () => settleOne(one)))),
    async release(leases) {
      await every(leases.map((lease) => locked(lease.runId, () => releaseOne(lease))));
    },
    async expireLeases(limit) {
      const nowIso = iso(core.clock.now());
      const expired = [...core.hot.values()].filter((run) => isExpired(run, nowIso)).slice(0, limit);
      const ended = await every(expired.map((run) => locked(run.id, () => expireOne(run.id))));
      return ended.filter(Boolean).length;
    },
    countDue(queue) {
      const nowIso = iso(core.clock.now());
      let due = 0;
      if (queues.isPaused(queue)) return due;
      for (const run of core.hot.values()) {
        if (run.queue === queue && !claiming.has(run.id) && isClaimable(run, nowIso)) due++;
      }
      return due;
    },
    nextRunAt() {
      let next: string | undefined;
      for (const run of core.hot.values()) {
        if (queues.isPaused(run.queue)) continue;
        if (isClaimable(run, run.runAt) && (next === undefined || run.runAt < next)) next = run.runAt;
      }
      return next;
    },
  };
}

/** Waits for all, then throws the first failure: no write is left running behind an answer. */
export async function every<T>(work: readonly Promise<T>[]): Promise<T[]> {
  const results = await Promise.allSettled(work);
  return results.map((result) => {
    if (result.status === 'rejected') throw result.reason;
    return result.value;
  });
}

function isExpired(run: Run, nowIso: string): boolean {
  return run.state === 'running' && run.lease !== undefined && run.lease.expiresAt <= nowIso;
}
