/** What a job's reports recommended and what became of it. */
import type { Actor } from '../store/records.ts';
import type { AdviceRow, AdviceState, MemoryEntry } from '../store/memory-records.ts';
import type { NewDoc } from '../store/store.ts';

export interface Remembered {
  entry: MemoryEntry;
  rev: number;
}
/** A row as people see it: open ones that are too old are expired. */
export interface AdviceView extends Omit<AdviceRow, 'status'> {
  status: AdviceState;
  runId: string;
  at: string;
}
export type AdviseOutcome =
  | { outcome: 'noted'; row: AdviceView; job: string }
  | { outcome: 'unchanged'; row: AdviceView; job: string }
  | { outcome: 'not_found' };

export interface Memory {
  /** Entries of the last `weeks` weeks, newest first, at most 60. */
  recall(job: string, weeks: number): Promise<Remembered[]>;
  /** What is written with the settle: the entry of this run, and earlier ones that changed, each only if nobody wrote it meanwhile. */
  docs(entry: MemoryEntry, changed: readonly Remembered[]): NewDoc[];
  /** The rows of a job, newest first; the same advice once, as it stands. */
  list(job: string, query?: { limit?: number }): Promise<AdviceView[]>;
  /** `later`: not for four weeks. The act stands in the audit log in the same commit. Twice is once. */
  advise(asked: {
    runId: string;
    key: string;
    as: 'done' | 'later' | 'never' | 'open';
    actor: Actor;
  }): Promise<AdviseOutcome>;
}
