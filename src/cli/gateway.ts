import type { JobSummary, RetryResult, SubmitResult } from '../runner/runner.ts';
import type { TranscriptResult } from '../runner/transcripts.ts';
import type { JobProblem } from '../runner/registry.ts';
import type { Page, RunQuery } from '../store/reader.ts';
import type { NoticeView } from '../store/notice-records.ts';
import type { Destination } from '../store/destinations.ts';
import type { Delivery, Run, RunSummary } from '../store/records.ts';
import type { Suppression } from '../runner/subscriptions.ts';
import type { PreflightResult } from '../runner/preflights.ts';
import type { NewToken, TokenView } from '../runner/tokens.ts';
import type { NextTime, ScheduleView } from '../runner/schedule-views.ts';
import type { AdviceView, Answered } from '../runner/memory.ts';
import type { ApproveOutcome, BackupInfo, CancelOutcome, RemoveOutcome } from '../store/store.ts';

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
  /** What was said between code and model in a run of an agent. */
  transcript(run: Run): Promise<TranscriptResult>;
  list(query: RunQuery): Promise<Page<RunSummary>>;
  schedules: ScheduleGateway;
  tokens: TokenGateway;
  mail: MailGateway;
  memory: MemoryGateway;
  /** Newest first. */
  notices(query: { limit: number }): Promise<Page<NoticeView>>;
  /** Looks whether reports of the job could arrive; posts nothing. */
  preflight(job: string): Promise<Extract<PreflightResult, { outcome: 'looked' }> | ScheduleProblem>;
  cancel(id: string): Promise<CancelOutcome['outcome']>;
  /** Lets a waiting run go on; here, and not beside a server, this process then executes it. */
  approve(id: string): Promise<ApproveOutcome['outcome']>;
  retry(id: string): Promise<RetryResult | { outcome: 'problem'; text: string }>;
  remove(id: string): Promise<RemoveOutcome['outcome']>;
  /** Copies the data folder, live and consistent, to an absolute path. */
  backup(dir: string): Promise<BackupInfo>;
}

/** Why nothing was done, and the way out. */
export interface ScheduleProblem {
  outcome: 'problem';
  text: string;
}

export interface ScheduleAsked {
  job: string;
  when: string;
  zone?: string;
  words: Record<string, string>;
  destinations?: Destination[];
  name?: string;
}

type Seen = { view: ScheduleView } | ScheduleProblem;
export type PausedNames = { outcome: 'paused' | 'resumed' | 'unchanged'; names: string[] } | ScheduleProblem;

/** The verbs of schedules; a `ref` is a schedule, or a job that has just one. */
export interface ScheduleGateway {
  list(): Promise<ScheduleView[]>;
  find(ref: string): Promise<Seen>;
  /** What `create` would store. */
  preview(asked: ScheduleAsked): Promise<Seen>;
  create(asked: ScheduleAsked): Promise<{ outcome: 'created' | 'changed'; view: ScheduleView } | ScheduleProblem>;
  remove(ref: string): Promise<Seen>;
  pause(ref: string, reason: string): Promise<PausedNames>;
  resume(ref: string): Promise<PausedNames>;
  snooze(ref: string, until: string): Promise<Seen>;
  skip(ref: string): Promise<Seen>;
  next(ref: string, n: number): Promise<{ views: { view: ScheduleView; next: NextTime[] }[] } | ScheduleProblem>;
}

export type TokenProblem = ScheduleProblem;

/** The verbs of tokens; a `ref` is an id or a name. */
export interface TokenGateway {
  list(): Promise<{ tokens: TokenView[]; bootstrap: 'set' | 'unset' }>;
  /** `secret` is the whole token, to be shown once. */
  create(asked: NewToken): Promise<{ view: TokenView; secret: string } | TokenProblem>;
  rotate(
    ref: string,
    overlap: string | undefined,
  ): Promise<{ view: TokenView; secret: string; until: string } | TokenProblem>;
  revoke(ref: string): Promise<{ view: TokenView } | TokenProblem>;
}

export type MailProblem = ScheduleProblem;

/** The verbs of the suppression list. */
export interface MailGateway {
  list(query: { after?: string }): Promise<Page<Suppression>>;
  allow(address: string): Promise<{ suppression: Suppression } | MailProblem>;
  suppress(address: string): Promise<{ suppression: Suppression } | MailProblem>;
}

/** The verbs of what jobs recommended. */
export interface MemoryGateway {
  /** The newest first; `more`: there are older ones. */
  list(job: string): Promise<{ job: string; advice: AdviceView[]; more: boolean } | ScheduleProblem>;
  answer(asked: {
    job: string;
    as: Answered;
    key: string;
  }): Promise<{ outcome: 'noted' | 'unchanged'; row: AdviceView } | ScheduleProblem>;
}
