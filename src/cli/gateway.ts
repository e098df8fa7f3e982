import type { JobSummary, RetryResult, SubmitResult } from '../runner/runner.ts';
import type { JobProblem } from '../runner/registry.ts';
import type { Page, RunQuery } from '../store/reader.ts';
import type { NoticeView } from '../store/notice-records.ts';
import type { Delivery, Run, RunSummary } from '../store/records.ts';
import type { BackupInfo, CancelOutcome, RemoveOutcome } from '../store/store.ts';

export interface RunView {
  run: Run;
  deliveries: Delivery[];
}

/** What the command line needs, whether the store is open in this process or held by a server beside it. */
export interface Gateway extends AsyncDisposable {
  /** `server`: another process holds the data folder and executes the runs. */
  where: 'here' | 'server';
  jobs(): Promise<{ jobs: JobSummary[]; problems: JobProblem[] }>;
  submit(job: string, words: Record<string, string>): Promise<SubmitResult | { outcome: 'problem'; text: string }>;
  find(
    ref: string,
  ): Promise<({ outcome: 'found' } & RunView) | { outcome: 'not_found' } | { outcome: 'ambiguous'; ids: string[] }>;
  list(query: RunQuery): Promise<Page<RunSummary>>;
  /** Newest first. */
  notices(query: { limit: number }): Promise<Page<NoticeView>>;
  cancel(id: string): Promise<CancelOutcome['outcome']>;
  retry(id: string): Promise<RetryResult | { outcome: 'problem'; text: string }>;
  remove(id: string): Promise<RemoveOutcome['outcome']>;
  /** Copies the data folder, live and consistent, to an absolute path. */
  backup(dir: string): Promise<BackupInfo>;
}
