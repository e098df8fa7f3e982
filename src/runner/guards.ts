/** The seam of the guards: written by their own founder. */
import type { LoadedJob } from './jobs.ts';

export interface GuardAsk {
  job: LoadedJob;
  by: 'slot' | 'person';
  name?: string;
  slot?: string;
  /** Runs of the job that this tick has started already. */
  tickStarts: number;
}
export type GuardVerdict = { ok: true } | { ok: false; reason: string; code: string };
export interface GuardCheck {
  check(ask: GuardAsk): Promise<GuardVerdict>;
}
