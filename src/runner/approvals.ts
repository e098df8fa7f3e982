/**
 * Runs of a job with the guard `approval` wait until somebody who may lets them go on. On the command line that is whoever may open the
 * data folder, over HTTP a token of scope admin, in Slack the people of BELLHOP_OWNERS.
 */
import type { NewRun } from '../store/store.ts';
import type { LoadedJob } from './jobs.ts';

/** What the runs of the job are submitted with. */
export function waitsOf({ guards }: Pick<LoadedJob, 'guards'>): Pick<NewRun, 'waits'> {
  return guards.approval === 'required' ? { waits: 'approval' } : {};
}

/** Whether a Slack user may approve and deny. `unset`: nobody may in Slack, because no owner is named. */
export function mayApprove(userId: string, owners: readonly string[]): 'yes' | 'no' | 'unset' {
  if (owners.length === 0) return 'unset';
  return owners.includes(userId) ? 'yes' : 'no';
}
