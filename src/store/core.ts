/**
 * What the verbs of the embedded store share: the index and the hot records in memory, and the way from a durable change to a visible
 * one. Invariant: memory changes only after its commit resolved, in one synchronous step, before the verb is answered.
 */
import type { Clock } from '../clock.ts';
import { iso } from '../clock.ts';
import type { Ids } from '../ids.ts';
import type { Log } from '../log.ts';
import type { Backing, KeyEntry, Loaded } from './backing.ts';
import { interruptDelivery, isOpen, mergeDeliveries } from './delivery-transitions.ts';
import { createFeed } from './feed.ts';
import type { Feed } from './feed.ts';
import { frozen } from './json.ts';
import { createLocks } from './locks.ts';
import type { Locks } from './locks.ts';
import { createRunCache } from './run-cache.ts';
import type { RunCache } from './run-cache.ts';
import { createRunIndex } from './run-index.ts';
import type { RunIndex } from './run-index.ts';
import { isFinal } from './records.ts';
import type { AuditEntry, Delivery, Run } from './records.ts';
import { interruptRun, summaryOf } from './transitions.ts';

export interface StoreOptions {
  /** Runs not yet final that are accepted; more are answered `queue_full`. */
  maxUnfinished: number;
  maxRunBytes: number;
  maxInputBytes: number;
  maxDocBytes: number;
  maxDocs: number;
  /** How long an idempotency key is remembered after its run was accepted, in milliseconds. */
  keyWindowMs: number;
  eventsKept: number;
  /** Final runs kept in memory after they were read, and their size together. */
  finalRunsKept: number;
  finalBytesKept: number;
}

export const DEFAULT_OPTIONS: StoreOptions = {
  maxUnfinished: 10_000,
  maxRunBytes: 4 * 1024 * 1024,
  maxInputBytes: 256 * 1024,
  maxDocBytes: 1024 * 1024,
  maxDocs: 100_000,
  keyWindowMs: 24 * 3_600_000,
  eventsKept: 10_000,
  finalRunsKept: 1000,
  finalBytesKept: 64 * 1024 * 1024,
};

export interface CoreDeps {
  backing: Backing;
  clock: Clock;
  ids: Ids;
  log: Log;
}

export interface Core extends CoreDeps {
  options: StoreOptions;
  index: RunIndex;
  /** Every unfinished run in full. */
  hot: Map<string, Run>;
  finals: RunCache;
  /** The deliveries of every run that is unfinished or has an open one, in planning order. */
  deliveries: Map<string, readonly Delivery[]>;
  keys: Map<string, KeyEntry>;
  feed: Feed;
  locks: Locks;
  /** Runs that a dead process had claimed. */
  interrupted: string[];
  getRun(runId: string): Promise<Run | undefined>;
  getDeliveries(run: Run): Promise<readonly Delivery[]>;
  publishRun(run: Run): void;
  publishDeliveries(run: Pick<Run, 'id' | 'state' | 'job'>, next: readonly Delivery[]): void;
  forgetRun(run: Run): void;
  auditEntry(entry: Omit<AuditEntry, 'id' | 'at'>): AuditEntry;
}

/** Builds the state in memory from what was loaded; what a dead process held is claimable again, without writing anything. */
export function createCore(deps: CoreDeps, loaded: Loaded, options: StoreOptions): Core {
  const { backing, clock, ids, log } = deps;
  const feed = createFeed(clock, options.eventsKept);
  const restored = restore(loaded, clock.now());
  const index = createRunIndex(loaded.summaries);
  for (const run of restored.hot.values()) index.put(summaryOf(run));
  const finals = createRunCache(options.finalRunsKept, options.finalBytesKept);
  const { hot, deliveries } = restored;

  async function getRun(runId: string): Promise<Run | undefined> {
    if (index.get(runId) === undefined) return undefined;
    const known = hot.get(runId) ?? finals.get(runId);
    if (known !== undefined) return known;
    const read = await backing.readRun(runId);
    // It may have been removed while it was being read.
    if (index.get(runId) === undefined) return undefined;
    if (read === undefined) {
      index.drop(runId);
      log.error('a run is in the index but cannot be read; it is left out', { runId });
      return undefined;
    }
    finals.put(frozen(read));
    return read;
  }
  async function getDeliveries(run: Run): Promise<readonly Delivery[]> {
    const known = deliveries.get(run.id);
    if (known !== undefined) return known;
    return run.deliveries.length === 0 ? [] : frozen(mergeDeliveries(run, await backing.readDeliveries(run.id)));
  }
  function publishRun(run: Run): void {
    index.put(summaryOf(run));
    if (isFinal(run.state)) {
      hot.delete(run.id);
      finals.put(run);
    } else hot.set(run.id, run);
    feed.emit({ type: 'run', runId: run.id, job: run.job, state: run.state });
    publishDeliveries(run, mergeDeliveries(run, deliveries.get(run.id)));
  }
  function publishDeliveries(run: Pick<Run, 'id' | 'state' | 'job'>, next: readonly Delivery[]): void {
    const before = deliveries.get(run.id) ?? [];
    if (!isFinal(run.state) || next.some(isOpen)) deliveries.set(run.id, frozen(next));
    else deliveries.delete(run.id);
    for (const delivery of next) {
      const old = before.find((other) => other.id === delivery.id);
      if (old?.state === delivery.state && old.rev === delivery.rev) continue;
      feed.emit({ type: 'delivery', runId: run.id, deliveryId: delivery.id, job: run.job, state: delivery.state });
    }
  }
  function forgetRun(run: Run): void {
    index.drop(run.id);
    hot.delete(run.id);
    finals.drop(run.id);
    deliveries.delete(run.id);
    feed.emit({ type: 'removed', runId: run.id, job: run.job });
  }

  return {
    ...deps,
    options,
    index,
    hot,
    finals,
    deliveries,
    keys: new Map(loaded.keys.map((entry) => [entry.key, entry])),
    feed,
    locks: createLocks(),
    interrupted: restored.interrupted,
    getRun,
    getDeliveries,
    publishRun,
    publishDeliveries,
    forgetRun,
    auditEntry: (entry) => ({ id: ids.next('aud'), at: iso(clock.now()), ...entry }),
  };
}

function restore(
  loaded: Loaded,
  now: number,
): Pick<Core, 'hot' | 'interrupted'> & { deliveries: Map<string, readonly Delivery[]> } {
  const deliveries = new Map<string, readonly Delivery[]>();
  for (const { run, known } of loaded.deliveries) {
    const merged = mergeDeliveries(run, known).map((one) =>
      one.state === 'sending' ? interruptDelivery(one, now) : one,
    );
    if (!isFinal(run.state) || merged.some(isOpen)) deliveries.set(run.id, frozen(merged));
  }
  const hot = new Map<string, Run>();
  const interrupted: string[] = [];
  for (const run of loaded.unfinished) {
    if (run.state !== 'running') {
      hot.set(run.id, frozen(run));
      continue;
    }
    // Progress raised `rev` in memory only, and a card may have shown it: the version must not come to the same number again.
    const shown = (deliveries.get(run.id) ?? []).map((delivery) => delivery.shownVersion ?? 0);
    const rev = Math.max(run.rev, ...shown);
    hot.set(run.id, frozen(interruptRun({ ...run, rev }, now)));
    interrupted.push(run.id);
  }
  return { hot, interrupted, deliveries };
}
