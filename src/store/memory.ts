/** The backing that keeps nothing: for tests, demonstrations, and as the measure of what the rules themselves cost. */
import { randomUUID } from 'node:crypto';
import type { Clock } from '../clock.ts';
import type { Ids } from '../ids.ts';
import type { Log } from '../log.ts';
import { NOTHING } from './backing.ts';
import type { Backing, Change, KeyEntry, Loaded } from './backing.ts';
import { createMemoryBlobs } from './memory-blobs.ts';
import { DEFAULT_OPTIONS } from './core.ts';
import type { StoreOptions } from './core.ts';
import { createEmbeddedStore } from './embedded.ts';
import { keyOf } from './keys.ts';
import { createRunIndex } from './run-index.ts';
import { summaryOf } from './transitions.ts';
import { isFinal } from './records.ts';
import type { AuditEntry, Delivery, Doc, Run, StoreEvent } from './records.ts';
import type { Store } from './store.ts';

export interface MemoryDeps {
  clock: Clock;
  ids: Ids;
  log: Log;
}

/** Makes an empty store whose contents end with the process. */
export function createMemoryStore(deps: MemoryDeps, options?: Partial<StoreOptions>): Store {
  return createEmbeddedStore({ ...deps, backing: createMemoryBacking() }, NOTHING, options).store;
}

// The newest acts and events are kept; older ones go, or a long-lived process would fill up.
const LINES_KEPT = 10_000;

export interface MemoryBacking extends Backing {
  /** What a store that is opened over it finds: as a folder that was closed. */
  load(): Loaded;
}

/** Makes a backing of maps. What it is given is frozen, so it can be kept as it is. */
export function createMemoryBacking({ keyWindowMs } = DEFAULT_OPTIONS): MemoryBacking {
  const storeId = randomUUID();
  let commits = 0;
  const runs = new Map<string, Run>();
  const index = createRunIndex();
  const deliveries = new Map<string, Delivery[]>();
  const docs = new Map<string, Doc>();
  /** What is left of removed runs, by run. */
  const removed = new Map<string, KeyEntry>();
  const audit: AuditEntry[] = [];
  const events: StoreEvent[] = [];

  function note<T>(lines: T[], ...fresh: readonly T[]): void {
    lines.push(...fresh);
    if (lines.length > LINES_KEPT * 2) lines.splice(0, LINES_KEPT);
  }
  function remove(run: Run, keyUntil: number): void {
    runs.delete(run.id);
    index.drop(run);
    deliveries.delete(run.id);
    if (run.idempotencyKey === undefined || keyUntil === 0) return;
    const key = keyOf(run.queue, run.idempotencyKey);
    removed.set(run.id, { key, runId: run.id, until: keyUntil, removed: run });
  }
  function apply(change: Change): void {
    switch (change.kind) {
      case 'run':
        runs.set(change.run.id, change.run);
        index.put(summaryOf(change.run));
        return note(audit, ...(change.audit === undefined ? [] : [change.audit]));
      case 'deliveries':
        return void deliveries.set(change.runId, [...change.deliveries]);
      case 'removal':
        remove(change.tombstone.run, change.tombstone.keyUntil);
        return note(audit, change.audit);
      case 'forget':
        return void removed.delete(change.runId);
      case 'key':
        // The keys of runs that are there follow from them.
        if (change.entry.removed !== undefined) removed.set(change.entry.runId, change.entry);
        return undefined;
      case 'doc':
        return void docs.set(`${change.doc.kind}/${change.doc.key}`, change.doc);
      case 'doc-removal':
        return void docs.delete(`${change.docKind}/${change.key}`);
      case 'audit':
        return note(audit, change.entry);
      case 'events':
        return note(events, ...change.events);
      default:
        return change satisfies never;
    }
  }
  async function readKeys(): Promise<KeyEntry[]> {
    const entries = new Map([...removed.values()].map((entry) => [entry.key, entry]));
    for (const run of runs.values()) {
      if (run.idempotencyKey === undefined) continue;
      const key = keyOf(run.queue, run.idempotencyKey);
      const until = Date.parse(run.createdAt) + keyWindowMs;
      if (until > (entries.get(key)?.until ?? 0)) entries.set(key, { key, runId: run.id, until });
    }
    return [...entries.values()];
  }
  return {
    mark: () => ({ storeId, commits }),
    index,
    readKeys,
    async commit(changes) {
      for (const change of changes) apply(change);
      commits++;
    },
    readRun: async (runId) => runs.get(runId),
    readDeliveries: async (runId) => deliveries.get(runId),
    async *readAudit() {
      yield* audit.toSorted((a, b) => (a.at.slice(0, 7) + a.id < b.at.slice(0, 7) + b.id ? -1 : 1));
    },
    held: (work) => work(),
    blobs: createMemoryBlobs(),
    tidy: async () => undefined,
    health: () => ({ state: 'ready', quarantined: 0 }),
    close: async () => undefined,
    load() {
      const all = [...runs.values()];
      return {
        ...NOTHING,
        unfinished: all.filter((run) => !isFinal(run.state)),
        deliveries: all
          .filter((run) => run.deliveries.length > 0)
          .map((run) => ({ run, known: deliveries.get(run.id) })),
        docs: [...docs.values()],
        ...(events[0] === undefined ? {} : { events: { events: [...events], floor: events[0].seq - 1 } }),
      };
    },
  };
}
