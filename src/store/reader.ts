import type { NoticeView } from './notice-records.ts';
import type { Delivery, Doc, PausedQueue, Run, RunState, RunSummary, StoreEvent } from './records.ts';

export interface RunQuery {
  states?: readonly RunState[];
  job?: string;
  /** Of these jobs alone; none of them, no runs. */
  jobs?: readonly string[];
  /** The id of the actor who asked. */
  actorId?: string;
  /** The last characters of the id, at least 4: what people type. */
  idEnding?: string;
  /** 1 to 200, default 50; clamped. */
  limit?: number;
  /** The `next` of the page before. An unreadable cursor is a UsageError. */
  after?: string;
  /** Only runs that were accepted before the one with this id, which need not be there any more; what is no run's id is a UsageError. */
  olderThan?: string;
}

export interface Page<T> {
  items: T[];
  /** Present when there is more. */
  next?: string;
}

export interface Health {
  /** `ready`: takes work; `read_only`: answers reads; `failed`: restart it. */
  state: 'ready' | 'read_only' | 'failed';
  reason?: string;
  /** Runs not yet in a final state. */
  unfinished: number;
  /** Records that could not be read and were set aside. */
  quarantined: number;
}

/** The read verbs of the port: read-your-writes, newest first, keyset pages stable under inserts and deletes. */
export interface Reader {
  /** The run, or undefined when no run has this id. */
  get(runId: string): Promise<Run | undefined>;
  /** Runs by creation time and id, newest first; filters are combined. */
  list(query: RunQuery): Promise<Page<RunSummary>>;
  /** How many runs are in each state, for all jobs or one. */
  count(query: { job?: string }): Promise<Record<RunState, number>>;
  /** The deliveries of a run or a notice in the order they were planned; those not yet begun are `pending`. Empty for an unknown id. */
  deliveries(id: string): Promise<Delivery[]>;
  /** The notices that are kept, newest first. */
  listNotices(query: { limit?: number; after?: string }): Promise<Page<NoticeView>>;
  getDoc(kind: string, key: string): Promise<Doc | undefined>;
  /** Documents of a kind by key, ascending. */
  listDocs(kind: string, query: { limit?: number; after?: string }): Promise<Page<Doc>>;
  blobs: {
    /** The bytes with this hash, checked against it; undefined when they are not there. */
    get(sha256: string): Promise<Uint8Array | undefined>;
    /** The same by parts, for what need not be in memory as a whole; the last part comes when the hash is checked, or STORE_CORRUPT. */
    stream(sha256: string): Promise<AsyncIterable<Uint8Array> | undefined>;
  };
  /** The paused queues by name. */
  pausedQueues(): Promise<PausedQueue[]>;
  /** Events after `sinceSeq` (or from now on), until the signal aborts; a `resync` event comes first when older ones are gone. */
  watch(sinceSeq: number | 'now', signal: AbortSignal): AsyncIterable<StoreEvent>;
  health(): Health;
}
