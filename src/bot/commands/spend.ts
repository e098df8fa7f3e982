import { describeAllowRefusal } from '../../runner/spending.ts';
import type { Command } from '../command.ts';
import { slackDate } from '../../render/card.ts';
import { noteView, problemView } from '../views/answers.ts';
import type { Answer } from '../views/blocks.ts';
import { spendView } from '../views/spend.ts';
import { SEEN_BEFORE, type Asked, type CommandDeps } from './context.ts';

/** `/jobs spend`: what agents spent, and where the caps stand. */
export async function spend(deps: CommandDeps): Promise<Answer> {
  return spendView(await deps.spending.view());
}

const MAX_NAMED = 10;

/** `/jobs allow JOB`: an owner lets the next run of an agent pass its caps, once. Others are told who may. */
export async function allow(deps: CommandDeps, asked: Asked, command: Command): Promise<Answer> {
  const [job] = command.words;
  if (job === undefined) return problemView('Which job?', 'Like `/jobs allow weekly-merchandising`.');
  const { owners } = deps;
  if (!owners.includes(asked.actor.id)) return whoMay(owners);
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

function whoMay(owners: readonly string[]): Answer {
  if (owners.length === 0)
    return problemView(
      'Nobody may allow that here.',
      'BELLHOP_OWNERS names who may; on the server, `bellhop spend allow JOB` does it.',
    );
  const named = owners.slice(0, MAX_NAMED).map((id) => `<@${id}>`);
  const more = owners.length > MAX_NAMED ? ` and ${owners.length - MAX_NAMED} more` : '';
  return noteView(`Only an owner may let a run pass its caps: ask ${named.join(', ')}${more}.`);
}
