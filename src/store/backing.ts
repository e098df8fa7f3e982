/**
 * The seam between the embedded store and where it keeps things. The store holds the rules and an index in memory; a backing makes
 * changes durable. A backing that can write several changes as one (a journal) does so without the store knowing.
 */
import type { AuditEntry, Delivery, Doc, Run, StoreEvent } from './records.ts';
import type { BlobShelf } from './blobs.ts';
import type { PastEvents } from './feed.ts';
import type { Health } from './reader.ts';
import type { RunIndex } from './run-index.ts';
import type { BackupInfo, OpenReport } from './store.ts';

/**
 * One thing to make durable. An audit entry rides in the change it is about: both are kept, or neither. `key` is for a copy: a key as
 * another store kept it, with what is left of its run when that was removed; elsewhere keys follow from the runs.
 */
export type Change =
  | { kind: 'run'; run: Run; audit?: AuditEntry }
  | { kind: 'deliveries'; runId: string; deliveries: readonly Delivery[] }
  | { kind: 'removal'; tombstone: Tombstone; audit: AuditEntry }
  | { kind: 'forget'; runId: string }
  | { kind: 'key'; entry: KeyEntry }
  | { kind: 'doc'; doc: Doc }
  | { kind: 'doc-removal'; docKind: string; key: string }
  | { kind: 'audit'; entry: AuditEntry }
  | { kind: 'events'; events: readonly StoreEvent[] };

/** What stays of a removed run: nothing that was in it, only what its idempotency key needs until the key's window ends. */
interface Tombstone {
  run: Run;
  /** Milliseconds; 0 when the run had no key, and nothing has to stay. */
  keyUntil: number;
}

export interface KeyEntry {
  /** The queue and the key, joined (see keyOf in keys.ts). */
  key: string;
  runId: string;
  /** Milliseconds since the epoch; an unfinished run keeps its key longer. */
  until: number;
  /** Set when the run was removed: what a repeated submit is answered with. */
  removed?: Run;
}

export interface Loaded {
  /** The unfinished runs in full. */
  unfinished: readonly Run[];
  /** What is known of the deliveries of unfinished runs, and of final ones that have an open one. */
  deliveries: readonly { run: Run; known: readonly Delivery[] | undefined }[];
  docs: readonly Doc[];
  /** The newest events; absent when none were ever kept. */
  events?: PastEvents;
  quarantined: OpenReport['quarantined'];
  rebuilt: boolean;
}

/** Names a store for good, and how much was ever committed to it: two equal answers mean equal contents. */
export interface StoreMark {
  storeId: string;
  commits: number;
}

export interface Backing {
  mark(): StoreMark;
  /** The summaries of all runs. A change is in it as soon as its commit is durable. */
  index: RunIndex;
  /** The idempotency keys that may still hold, but for those of unfinished runs. */
  readKeys(): Promise<KeyEntry[]>;
  /**
   * Makes the changes durable as one: after a crash all of them are there, or none. A rejection means that none is in force, unless
   * `health` says `failed`: then nobody knows, and nothing is written any more.
   */
  commit(changes: readonly Change[]): Promise<void>;
  /** The run as stored; undefined when it is not there or cannot be read (then it was set aside). */
  readRun(runId: string): Promise<Run | undefined>;
  /** What is stored of a run's deliveries; undefined when nothing has happened to any of them. */
  readDeliveries(runId: string): Promise<Delivery[] | undefined>;
  /** Every act, in the order of month and id. What is no entry is left out, and said in the log. */
  readAudit(): AsyncIterable<AuditEntry>;
  /** Brings to the files what is only in the journal, and looks whether a full disk has room again; never throws. */
  tidy(): Promise<void>;
  /** Does the work while the files stand still, after everything that was committed before has reached them. */
  held<T>(work: () => Promise<T>): Promise<T>;
  blobs: BlobShelf;
  /** See the verb; undefined where there is no folder. */
  backup?(dir: string, signal: AbortSignal | undefined): Promise<BackupInfo>;
  health(): Pick<Health, 'state' | 'reason' | 'quarantined'>;
  /** Waits for what is under way, and leaves everything in its file. */
  close(): Promise<void>;
}

/** What an empty store loads. */
export const NOTHING: Loaded = { unfinished: [], deliveries: [], docs: [], quarantined: [], rebuilt: false };
