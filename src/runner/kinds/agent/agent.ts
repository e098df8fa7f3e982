/** One attempt of an agent: money, evidence, judgement, words, report. */
import type { ClaimedRun } from '../../../store/store.ts';
import type { LoadedAgent } from '../../jobs.ts';
import type { AttemptContext, Started } from '../end.ts';

export type AgentDeps = object;
export function startAgent(
  _deps: AgentDeps,
  _work: { job: LoadedAgent; run: ClaimedRun['run']; ctx: AttemptContext },
): Started {
  throw new Error('placeholder');
}
