import { mayApprove } from '../../runner/approvals.ts';
import type { ApproveOutcome } from '../../store/store.ts';
import type { Command } from '../command.ts';
import { noteView, problemView } from '../views/answers.ts';
import type { Answer } from '../views/blocks.ts';
import { alreadyDecidedView } from '../views/approve.ts';
import { mayNotApproveView } from '../views/owners.ts';
import { namedRun, SEEN_BEFORE, type Asked, type CommandDeps } from './context.ts';

export type Decision = 'approve' | 'deny';

/** `/jobs approve RUN`, `/jobs deny RUN`: lets a waiting run go on, or cancels it. */
export function decideRun(decision: Decision) {
  return async (deps: CommandDeps, asked: Asked, command: Command): Promise<Answer> => {
    const refused = refusal(deps, asked);
    if (refused !== undefined) return refused;
    // Before `last` is looked up: the same request after a restart would find another run behind that word.
    if (!(await deps.remember(asked.key))) return SEEN_BEFORE;
    const named = await namedRun(deps, asked, command.words[0]);
    return 'answer' in named ? named.answer : decide(deps, asked, { runId: named.run.id, decision });
  };
}

/** A click on the card. */
export async function clickDecision(
  deps: CommandDeps,
  asked: Asked,
  clicked: { runId: string; decision: Decision },
): Promise<Answer> {
  const refused = refusal(deps, asked);
  if (refused !== undefined) return refused;
  if (!(await deps.remember(asked.key))) return SEEN_BEFORE;
  return decide(deps, asked, clicked);
}

/** Checked at the click: who was an owner when the card was drawn may be none any more. */
function refusal({ owners }: CommandDeps, { actor }: Asked): Answer | undefined {
  const may = mayApprove(actor.id, owners);
  return may === 'yes' ? undefined : mayNotApproveView(owners);
}

async function decide(
  deps: CommandDeps,
  { actor }: Asked,
  { runId, decision }: { runId: string; decision: Decision },
): Promise<Answer> {
  if (decision === 'approve') return approveAnswer(await deps.runner.approve(runId, actor));
  const run = await deps.reader.get(runId);
  // What was approved meanwhile runs: to stop it is another wish.
  if (run !== undefined && run.state !== 'waiting') return alreadyDecidedView(run);
  const result = await deps.runner.cancel(runId, actor);
  if (result.outcome === 'not_found') return gone();
  if (result.outcome === 'already_final') return alreadyDecidedView(result.run);
  return noteView(`Denied \`${result.run.job}\` ${runId}: it does not run.`);
}

function approveAnswer(result: ApproveOutcome): Answer {
  switch (result.outcome) {
    case 'approved':
      return noteView(`Approved \`${result.run.job}\` ${result.run.id}: it is ${result.run.state}.`);
    case 'not_waiting':
      return alreadyDecidedView(result.run);
    case 'not_found':
      return gone();
  }
}

function gone(): Answer {
  return problemView('There is no such run any more.', '`/jobs list` shows the newest runs.');
}
