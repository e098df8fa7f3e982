/** The backing that keeps nothing: for tests, demonstrations, and as the measure of what the rules themselves cost. */
import type { Clock } from '../clock.ts';
import type { Ids } from '../ids.ts';
import type { Log } from '../log.ts';
import { NOTHING } from './backing.ts';
import type { Backing, Change } from './backing.ts';
import { createMemoryBlobs } from './memory-blobs.ts';
import type { StoreOptions } from './core.ts';
import { createEmbeddedStore } from './embedded.ts';
import { createRunIndex } from './run-index.ts';
import { summaryOf } from './transitions.ts';
import type { AuditEntry, Delivery, Run } from './records.ts';
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

// The newest audit entries are kept for tests to read; older ones go, or a long-lived process would fill up.
const AUDIT_KEPT = 10_000;

/** Makes a backing of maps. What it is given is frozen, so it can be kept as it is. */
export function createMemoryBacking(): Backing & { audit: () => AuditEntry[] } {
  const runs = new Map<string, Run>();
  const index = createRunIndex();
  const deliveries = new Map<string, Delivery[]>();
  const audit: AuditEntry[] = [];

  function note(entry: AuditEntry | undefined): void {
    if (entry === undefined) return;
    audit.push(entry);
    if (audit.length > AUDIT_KEPT * 2) audit.splice(0, AUDIT_KEPT);
  }
  function apply(change: Change): void {
    switch (change.kind) {
      case 'run':
        runs.set(change.run.id, change.run);
        index.put(summaryOf(change.run));
        return note(change.audit);
      case 'deliveries':
        return void deliveries.set(change.runId, [...change.deliveries]);
      case 'removal':
        runs.delete(change.tombstone.run.id);
        index.drop(change.tombstone.run);
        deliveries.delete(change.tombstone.run.id);
        return note(change.audit);
      case 'audit':
        return note(change.entry);
      // The store itself holds documents, keys and events in memory.
      case 'events':
      case 'forget':
      case 'doc':
      case 'doc-removal':
        return undefined;
      default:
        return change satisfies never;
    }
  }
  return {
    index,
    readKeys: async () => [],
    async commit(changes) {
      for (const change of changes) apply(change);
    },
    readRun: async (runId) => runs.get(runId),
    readDeliveries: async (runId) => deliveries.get(runId),
    held: (work) => work(),
    blobs: createMemoryBlobs(),
    tidy: async () => undefined,
    health: () => ({ state: 'ready', quarantined: 0 }),
    close: async () => undefined,
    audit: () => [...audit],
  };
}
