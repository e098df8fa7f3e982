/**
 * What the journal holds and the files do not yet: the newest state of every changed record. A checkpoint takes all of it at once; until
 * that is durable it stays readable here, and what a failed checkpoint took comes back beneath what changed since.
 */
import type { Change } from '../backing.ts';
import type { AuditEntry, Doc, Run, StoreEvent } from '../records.ts';
import { keyOf } from '../keys.ts';
import { keyLine } from './key-log.ts';
import type { KeyLine } from './key-log.ts';
import type { DeliveriesFile, RecordFile } from './forms.ts';

export interface DocSlot {
  kind: string;
  key: string;
  /** Null: it is to be removed. */
  doc: Doc | null;
}

/** Null in a map: the file is to be removed. */
export interface DirtySet {
  records: Map<string, RecordFile | null>;
  deliveries: Map<string, DeliveriesFile | null>;
  docs: Map<string, DocSlot>;
  audits: AuditEntry[];
  events: StoreEvent[];
  keys: KeyLine[];
  bytes: number;
  /** Whether a run was removed: its contents must not linger in the journal. */
  removals: boolean;
}

export interface Dirty {
  apply(changes: readonly Change[], bytes: number): void;
  /** Undefined: nothing is known here, ask the file. Null: there is none any more. */
  record(runId: string): RecordFile | null | undefined;
  deliveriesOf(runId: string): DeliveriesFile | null | undefined;
  /** Every document that is not yet in its file, the newest state of each. */
  docs(): DocSlot[];
  runIds(): string[];
  events(): StoreEvent[];
  keys(): KeyLine[];
  audits(): AuditEntry[];
  /** Adds keys that were found by reading the records. */
  addKeys(lines: readonly KeyLine[]): void;
  /** The bytes of journal behind what is held. */
  bytes(): number;
  isEmpty(): boolean;
  /** Takes everything for a checkpoint; must be ended by `done` or `failed`. */
  take(): DirtySet;
  done(): void;
  failed(): void;
}

/** Makes an empty set. */
export function createDirty(keyWindowMs: number): Dirty {
  let present = emptySet();
  let taken: DirtySet | undefined;

  function noteKey(run: Run, until: number, ...removed: true[]): void {
    if (run.idempotencyKey === undefined || until === 0) return;
    const key = keyOf(run.queue, run.idempotencyKey);
    present.keys.push({ key, runId: run.id, until, removed: removed.length > 0 });
  }
  function apply(change: Change): void {
    switch (change.kind) {
      case 'run':
        present.records.set(change.run.id, change.run);
        noteKey(change.run, change.run.rev === 1 ? Date.parse(change.run.createdAt) + keyWindowMs : 0);
        if (change.audit !== undefined) present.audits.push(change.audit);
        return;
      case 'deliveries':
        present.deliveries.set(change.runId, { v: 1, runId: change.runId, deliveries: [...change.deliveries] });
        return;
      case 'removal': {
        const { run, keyUntil } = change.tombstone;
        present.records.set(run.id, keyUntil === 0 ? null : { v: 1, id: run.id, removed: true, keyUntil, run });
        present.deliveries.set(run.id, null);
        noteKey(run, keyUntil, true);
        present.audits.push(change.audit);
        present.removals = true;
        return;
      }
      case 'forget':
        present.records.set(change.runId, null);
        present.deliveries.set(change.runId, null);
        return;
      case 'key': {
        const { runId: id, until, removed: run } = change.entry;
        if (run !== undefined) present.records.set(id, { v: 1, id, removed: true, keyUntil: until, run });
        present.keys.push(keyLine(change.entry));
        return;
      }
      case 'doc': {
        const { kind, key } = change.doc;
        present.docs.set(`${kind}/${key}`, { kind, key, doc: change.doc });
        return;
      }
      case 'doc-removal':
        present.docs.set(`${change.docKind}/${change.key}`, { kind: change.docKind, key: change.key, doc: null });
        return;
      case 'audit':
        present.audits.push(change.entry);
        return;
      case 'events':
        present.events.push(...change.events);
        return;
      default:
        return change satisfies never;
    }
  }

  return {
    apply(changes, bytes) {
      for (const change of changes) apply(change);
      present.bytes += bytes;
    },
    record: (runId) => (present.records.has(runId) ? present.records.get(runId) : taken?.records.get(runId)),
    deliveriesOf: (runId) =>
      present.deliveries.has(runId) ? present.deliveries.get(runId) : taken?.deliveries.get(runId),
    docs: () => [...merged(taken ?? emptySet(), present).docs.values()],
    runIds: () => [...new Set([...(taken?.records.keys() ?? []), ...present.records.keys()])],
    events: () => [...(taken?.events ?? []), ...present.events],
    keys: () => [...(taken?.keys ?? []), ...present.keys],
    audits: () => [...(taken?.audits ?? []), ...present.audits],
    addKeys: (lines) => void present.keys.push(...lines),
    bytes: () => present.bytes + (taken?.bytes ?? 0),
    isEmpty: () => taken === undefined && isEmpty(present),
    take() {
      taken = present;
      present = emptySet();
      return taken;
    },
    done() {
      taken = undefined;
    },
    failed() {
      if (taken !== undefined) present = merged(taken, present);
      taken = undefined;
    },
  };
}

function emptySet(): DirtySet {
  return {
    records: new Map(),
    deliveries: new Map(),
    docs: new Map(),
    audits: [],
    events: [],
    keys: [],
    bytes: 0,
    removals: false,
  };
}

function isEmpty(set: DirtySet): boolean {
  const { records, deliveries, docs, audits, events, keys } = set;
  return records.size + deliveries.size + docs.size + audits.length + events.length + keys.length === 0;
}

function merged(older: DirtySet, newer: DirtySet): DirtySet {
  return {
    records: new Map([...older.records, ...newer.records]),
    deliveries: new Map([...older.deliveries, ...newer.deliveries]),
    docs: new Map([...older.docs, ...newer.docs]),
    audits: [...older.audits, ...newer.audits],
    events: [...older.events, ...newer.events],
    keys: [...older.keys, ...newer.keys],
    bytes: older.bytes + newer.bytes,
    removals: older.removals || newer.removals,
  };
}
