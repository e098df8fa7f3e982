/**
 * What the verbs of the embedded store share: the index and the hot records in memory, and the way from a durable change to a visible
 * one. Invariant: memory changes only after its commit resolved, in one synchronous step, before the verb is answered.
 */
import type { Clock } from '../clock.ts';
import { iso } from '../clock.ts';
import { isId } from '../ids.ts';
import type { Ids } from '../ids.ts';
import type { Log } from '../log.ts';
import type { Backing, Change, KeyEntry, Loaded } from './backing.ts';
import { interruptDelivery, isOpen, mergeDeliveries } from './delivery-transitions.ts';
import { keyOf } from './keys.ts';
import { createDeliveryLists } from './delivery-lists.ts';
import type { DeliveryLists } from './delivery-lists.ts';
import { createFeed } from './feed.ts';
import type { Feed } from './feed.ts';
import { frozen } from './json.ts';
import { createLocks } from './locks.ts';
import type { Locks } from './locks.ts';
import { createRunCache } from './run-cache.ts';
import type { RunCache } from './run-cache.ts';
import type { RunIndex } from './run-index.ts';
import { isFinal } from './records.ts';
import type { AuditEntry, Delivery, Run, StoreEvent } from './records.ts';
import type { NewAudit } from './store.ts';
import { interruptRun, summaryOf } from './transitions.ts';

export interface StoreOptions {
  /** Runs not yet final that are accepted; more are answered `queue_full`. */
  maxUnfinished: number;
  maxRunBytes: number;
  maxInputBytes: number;
  /** How long a completed or cancelled run is kept, in milliseconds; Infinity: for ever. */
  retainMs: number;
  /** The same for a failed one (G18). */
  retainFailedMs: number;
  /** How long after its end a run is packed into a file of its month, in milliseconds; Infinity: never. Only where there are files. */
  archiveAfterMs: number;
  maxBlobBytes: number;
  /** All blobs of one run together. */
  maxRunBlobBytes: number;
  /** How long a blob may wait for a run that names it, in milliseconds. */
  blobGraceMs: number;
  maxDocBytes: number;
  /** How long a notice is kept after its last delivery ended, in milliseconds. */
  noticeKeepMs: number;
  /** Notices kept; the oldest ended ones make room for new ones. */
  maxNotices: number;
  maxDocs: number;
  /** How long an idempotency key is remembered after its run was accepted, in milliseconds. */
  keyWindowMs: number;
  eventsKept: number;
  /** How long events are kept, in milliseconds. */
  eventsKeepMs: number;
  /** Final runs kept in memory after they were read, and their size together. */
  finalRunsKept: number;
  finalBytesKept: number;
  /** Bytes kept on the disk so that removals and checkpoints still work when it is full. */
  reserveBytes: number;
  /** By how much the journal's file grows at once, in bytes. */
  journalRoomBytes: number;
  /** From a change to the checkpoint that brings it to its file, in milliseconds. */
  checkpointMs: number;
  /** Changes not yet in their files, in bytes; more are refused as OVERLOADED, and from half of it on writing waits. */
  maxDirtyBytes: number;
}

export const DEFAULT_OPTIONS: StoreOptions = {
  maxUnfinished: 10_000,
  maxRunBytes: 4 * 1024 * 1024,
  maxInputBytes: 256 * 1024,
  retainMs: Infinity,
  retainFailedMs: Infinity,
  archiveAfterMs: Infinity,
  maxBlobBytes: 20 * 1024 * 1024,
  maxRunBlobBytes: 100 * 1024 * 1024,
  blobGraceMs: 3_600_000,
  maxDocBytes: 1024 * 1024,
  noticeKeepMs: 30 * 24 * 3_600_000,
  maxNotices: 1000,
  maxDocs: 100_000,
  keyWindowMs: 24 * 3_600_000,
  eventsKept: 10_000,
  eventsKeepMs: 7 * 24 * 3_600_000,
  finalRunsKept: 1000,
  finalBytesKept: 64 * 1024 * 1024,
  reserveBytes: 16 * 1024 * 1024,
  journalRoomBytes: 128 * 1024,
  checkpointMs: 1000,
  maxDirtyBytes: 64 * 1024 * 1024,
};

export interface CoreDeps {
  backing: Backing;
  clock: Clock;
  ids: Ids;
  log: Log;
}

/** What a run and its deliveries become visible as; see `commit`. */
export type Fact = Omit<StoreEvent, 'seq' | 'at'>;

/** Enough of a run to deliver for it. */
export type Brief = Pick<Run, 'id' | 'job' | 'state' | 'rev'>;

export interface Core extends CoreDeps {
  options: StoreOptions;
  index: RunIndex;
  /** Every unfinished run in full. */
  hot: Map<string, Run>;
  finals: RunCache;
  /** The deliveries of every run that is unfinished, and of every run and notice that has an open one, in planning order. */
  deliveries: DeliveryLists;
  keys: Map<string, KeyEntry>;
  /** Resolves when `keys` holds those of former lives too. */
  keysReady: Promise<void>;
  feed: Feed;
  locks: Locks;
  /** Runs that a dead process had claimed. */
  interrupted: string[];
  getRun(runId: string): Promise<Run | undefined>;
  /** What is known without reading: of a run that is unfinished or has an open delivery. */
  briefOf(runId: string): Brief | undefined;
  getDeliveries(run: Run): Promise<readonly Delivery[]>;
  /**
   * Makes the changes durable together with the facts they are, then shows both in one synchronous step. The order of calls is the order
   * of the events.
   */
  commit(what: { changes: readonly Change[]; facts: readonly Fact[]; show: () => void }): Promise<void>;
  /** The facts that a run in its next state is: about itself, and about its deliveries. */
  factsOf(run: Run): Fact[];
  /** The facts that deliveries of a run or a notice are in their next states. */
  factsOfDeliveries(of: { id: string; job?: string }, next: readonly Delivery[]): Fact[];
  /** `bytes`: its size as JSON, where that is known. */
  showRun(run: Run, bytes?: number): void;
  showDeliveries(run: Brief, next: readonly Delivery[]): void;
  forgetRun(runId: string): void;
  auditEntry(entry: NewAudit): AuditEntry;
}

/** Builds the state in memory from what was loaded; what a dead process held is claimable again, without writing anything. */
export function createCore(deps: CoreDeps, loaded: Loaded, options: StoreOptions): Core {
  const { backing, clock, ids, log } = deps;
  const feed = createFeed(clock, options.eventsKept, loaded.events);
  feed.forgetBefore(iso(clock.now() - options.eventsKeepMs));
  const { hot, briefs, interrupted, deliveries: open } = restore(loaded, clock.now());
  const { index } = backing;
  for (const id of interrupted) {
    const run = hot.get(id);
    if (run !== undefined) index.put(summaryOf(run));
  }
  const finals = createRunCache(options.finalRunsKept, options.finalBytesKept);
  const briefOf = (runId: string): Brief | undefined => hot.get(runId) ?? briefs.get(runId);
  // Only the card of a run has a version that means anything.
  const deliveries = createDeliveryLists(open, (owner) => briefOf(owner)?.rev ?? 0);
  const keys = new Map<string, KeyEntry>();
  for (const run of hot.values()) {
    if (run.idempotencyKey === undefined) continue;
    const key = keyOf(run.queue, run.idempotencyKey);
    keys.set(key, { key, runId: run.id, until: Date.parse(run.createdAt) + options.keyWindowMs });
  }
  const readKeys = async (): Promise<void> => {
    for (const entry of await backing.readKeys()) if (!keys.has(entry.key)) keys.set(entry.key, entry);
  };
  const keysReady = readKeys();
  // Whoever needs them is told; until then nobody listens.
  keysReady.catch((error: unknown) => log.error('the idempotency keys could not be read', { error }));
  /** How many runs were removed: a read that a removal overtook is made again. */
  let removals = 0;

  async function getRun(runId: string): Promise<Run | undefined> {
    const known = hot.get(runId) ?? finals.get(runId);
    if (known !== undefined) return known;
    if (!isId(runId, 'run')) return undefined;
    let before = removals;
    let read = await backing.readRun(runId);
    for (; before !== removals; read = await backing.readRun(runId)) before = removals;
    if (read !== undefined) {
      finals.put(frozen(read));
      return read;
    }
    if (await index.discard(runId)) log.error('a run is in the index but cannot be read; it is left out', { runId });
    return undefined;
  }
  async function getDeliveries(run: Run): Promise<readonly Delivery[]> {
    const known = deliveries.get(run.id);
    if (known !== undefined) return known;
    return run.deliveries.length === 0 ? [] : frozen(mergeDeliveries(run, await backing.readDeliveries(run.id)));
  }
  async function commit({ changes, facts, show }: Parameters<Core['commit']>[0]): Promise<void> {
    const ticket = feed.number(facts);
    const events: Change[] = facts.length === 0 ? [] : [{ kind: 'events', events: ticket.events }];
    try {
      await backing.commit([...changes, ...events]);
    } catch (error) {
      ticket.drop();
      throw error;
    }
    try {
      show();
    } finally {
      ticket.show();
    }
  }
  function showRun(run: Run, bytes?: number): void {
    if (isFinal(run.state)) {
      hot.delete(run.id);
      finals.put(run, bytes);
    } else hot.set(run.id, run);
    showDeliveries(run, mergeDeliveries(run, deliveries.get(run.id)));
  }
  function showDeliveries(run: Brief, next: readonly Delivery[]): void {
    if (!isFinal(run.state)) {
      deliveries.set(run.id, frozen(next));
    } else if (next.some(isOpen)) {
      deliveries.set(run.id, frozen(next));
      briefs.set(run.id, briefly(run));
    } else {
      deliveries.delete(run.id);
      briefs.delete(run.id);
    }
  }
  function factsOf(run: Run): Fact[] {
    const own: Fact = { type: 'run', runId: run.id, job: run.job, state: run.state };
    return [own, ...factsOfDeliveries(run, mergeDeliveries(run, deliveries.get(run.id)))];
  }
  function factsOfDeliveries(of: { id: string; job?: string }, next: readonly Delivery[]): Fact[] {
    const before = deliveries.get(of.id) ?? [];
    const owner = isId(of.id, 'ntc') ? { noticeId: of.id } : { runId: of.id };
    const job = of.job === undefined ? {} : { job: of.job };
    const changed = next.filter((delivery) => {
      const old = before.find((other) => other.id === delivery.id);
      return old?.state !== delivery.state || old.rev !== delivery.rev;
    });
    return changed.map(({ id, state }) => ({ type: 'delivery', ...owner, deliveryId: id, ...job, state }));
  }
  function forgetRun(runId: string): void {
    removals++;
    hot.delete(runId);
    finals.drop(runId);
    deliveries.delete(runId);
    briefs.delete(runId);
  }

  return {
    ...deps,
    options,
    index,
    hot,
    finals,
    deliveries,
    keys,
    keysReady,
    feed,
    locks: createLocks(),
    interrupted,
    getRun,
    briefOf,
    getDeliveries,
    commit,
    factsOf,
    factsOfDeliveries,
    showRun,
    showDeliveries,
    forgetRun,
    auditEntry: (entry) => ({ id: ids.next('aud'), at: iso(clock.now()), ...entry }),
  };
}

function restore(
  loaded: Loaded,
  now: number,
): Pick<Core, 'hot' | 'interrupted'> & { deliveries: Map<string, readonly Delivery[]>; briefs: Map<string, Brief> } {
  const briefs = new Map<string, Brief>();
  const deliveries = new Map<string, readonly Delivery[]>();
  for (const { run, known } of loaded.deliveries) {
    const merged = mergeDeliveries(run, known).map((one) =>
      one.state === 'sending' ? interruptDelivery(one, now) : one,
    );
    if (!isFinal(run.state) || merged.some(isOpen)) deliveries.set(run.id, frozen(merged));
    if (isFinal(run.state) && merged.some(isOpen)) briefs.set(run.id, briefly(run));
  }
  const hot = new Map<string, Run>();
  const interrupted: string[] = [];
  for (const run of loaded.unfinished) {
    if (run.state !== 'running') {
      hot.set(run.id, frozen(run));
      continue;
    }
    // Progress raised `rev` in memory only, and a card may have shown it: the version must not come to the same number again.
    const rev = Math.max(run.rev, ...(deliveries.get(run.id) ?? []).map(({ shownVersion }) => shownVersion ?? 0));
    hot.set(run.id, frozen(interruptRun({ ...run, rev }, now)));
    interrupted.push(run.id);
  }
  return { hot, interrupted, deliveries, briefs };
}

function briefly({ id, job, state, rev }: Brief): Brief {
  return { id, job, state, rev };
}
