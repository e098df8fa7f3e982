/**
 * The newest run of each job, so that a list of jobs with their last run reads no page a job. A job that is not in it is not known: then
 * the pages say. Bounded: the job that has not run for longest is forgotten first.
 */
import type { RunSummary } from './records.ts';

export const MAX_JOBS_KNOWN = 1000;

export interface NewestRuns {
  /** The newest run of the job in its newest state; undefined: not known. */
  get(job: string): RunSummary | undefined;
  /** The caller knows that no run of its job is newer. */
  note(summary: RunSummary): void;
  /** Whatever was known of the job may be wrong now. */
  forget(job: string): void;
  all(): IterableIterator<RunSummary>;
  /** What changed since the last `take`; null: not known any more. */
  take(): NewestChanges;
  /** What was taken is not in the files after all. */
  putBack(changes: NewestChanges): void;
}

export type NewestChanges = ReadonlyMap<string, RunSummary | null>;

/** Makes it of what is known. */
export function createNewestRuns(kept: Iterable<RunSummary>): NewestRuns {
  const newest = new Map([...kept].map((summary) => [summary.job, summary]));
  let changed = new Map<string, RunSummary | null>();

  function forget(job: string): void {
    if (newest.delete(job)) changed.set(job, null);
  }
  return {
    get: (job) => newest.get(job),
    note(summary) {
      newest.set(summary.job, summary);
      changed.set(summary.job, summary);
      if (newest.size <= MAX_JOBS_KNOWN) return;
      let oldest = summary;
      for (const one of newest.values()) if (one.id < oldest.id) oldest = one;
      forget(oldest.job);
    },
    forget,
    all: () => newest.values(),
    take() {
      const taken = changed;
      changed = new Map();
      return taken;
    },
    putBack(changes) {
      changed = new Map([...changes, ...changed]);
    },
  };
}
