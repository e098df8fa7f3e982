/** Money: caps of a run, a job's day, the workspace's day and month; what was spent, who is told, and who may allow once. */
import type { BellhopError } from '../errors.ts';
import type { Actor, Run } from '../store/records.ts';
import type { Charge, Spend } from '../store/store.ts';
import type { LoadedAgent } from './jobs.ts';

/** The money of one attempt. */
export interface Purse {
  /** What this attempt may spend; null: the model has no price. */
  microUsd: number | null;
  /** What earlier attempts of the run spent, and what a crash left uncounted at its upper bound. */
  beforeMicroUsd: number;
  /** Counts what was spent, and notes what the coming turn may cost: durable when it resolves. */
  beforeTurn(money: { spentMicroUsd: number; boundMicroUsd: number }): Promise<void>;
  /** What is not counted yet, for the settle of the attempt (or `charge`, when nothing is settled): pure. */
  rest(unchargedMicroUsd: number): { spend: Spend[]; docs: NonNullable<Charge['docs']> };
}
export type Opened = { ok: true; purse: Purse } | { ok: false; error: BellhopError };

/** A cap and where it stands, in micro-dollars. */
export interface Standing {
  scope: 'job' | 'day' | 'month';
  /** Of scope job. */
  job?: string;
  /** `2026-11-22`, `2026-11`. */
  window: string;
  used: number;
  held: number;
  /** Null: no cap. */
  cap: number | null;
}

export interface Budget {
  /** Sets the run's money aside; an error when a cap does not allow it. A later attempt goes on with what is left. */
  open(run: Run, job: LoadedAgent): Promise<Opened>;
  /** Why no run of the job could begin now; undefined when one could. */
  full(job: LoadedAgent): Promise<string | undefined>;
  /** Workspace first, then the jobs that spent or are capped. */
  standing(jobs: readonly LoadedAgent[]): Promise<Standing[]>;
  /** Lets the next run of the job pass its caps, once, until the end of the day. */
  allow(job: string, actor: Actor): Promise<{ outcome: 'allowed' | 'already_allowed'; until: string }>;
  /** Tells at 80 and 100 % of a cap, each once a window; called after each charge. Never throws. */
  tell(): Promise<void>;
  /** Counts what crashed runs that are over left uncounted; at start and now and then. */
  reconcile(): Promise<void>;
}
