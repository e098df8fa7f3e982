import { describeAllowRefusal } from '../../runner/spending.ts';
import type { Command } from '../command.ts';
import { slackDate } from '../../render/card.ts';
import { noteView, problemView } from '../views/answers.ts';
import type { Answer } from '../views/blocks.ts';
import { mayNotAllowView } from '../views/owners.ts';
import { spendView } from '../views/spend.ts';
import { SEEN_BEFORE, type Asked, type CommandDeps } from './context.ts';

/** `/jobs spend`: what agents spent, and where the caps stand. */
export async function spend(deps: CommandDeps): Promise<Answer> {
  return spendView(await deps.spending.view());
}

/** `/jobs allow JOB`: an owner lets the next run of an agent pass its caps, once. Others are told who may. */
export async function allow(deps: CommandDeps, asked: Asked, command: Command): Promise<Answer> {
  const [job] = command.words;
  if (job === undefined) return problemView('Which job?', 'Like `/jobs allow weekly-merchandising`.');
  const { owners } = deps;
  if (!owners.includes(asked.actor.id)) return mayNotAllowView(owners);
  if (!(await deps.remember(asked.key))) return SEEN_BEFORE;
  const result = await deps.spending.allow(job, asked.actor);
  if (!('until' in result)) {
    const { problem, hint } = describeAllowRefusal(result);
    return problemView(problem, hint);
  }
  const already = result.outcome === 'already_allowed' ? ' already' : '';
  return noteView(
    `The next run of \`${result.job}\` may${already} pass its caps, once, until ${slackDate(result.until)}.`,
  );
}
