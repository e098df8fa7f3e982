import type { CancelOutcome } from '../../store/store.ts';
import type { Command } from '../command.ts';
import { noteView, problemView } from '../views/answers.ts';
import type { Answer } from '../views/blocks.ts';
import { namedRun, SEEN_BEFORE, type Asked, type CommandDeps } from './context.ts';

/** `/jobs cancel RUN`: durable when answered; a late end of the run does nothing. */
export async function cancelRun(deps: CommandDeps, asked: Asked, command: Command): Promise<Answer> {
  // Before `last` is looked up: the same request after a restart would find another run behind that word.
  if (!(await deps.remember(asked.key))) return SEEN_BEFORE;
  const named = await namedRun(deps, asked, command.words[0]);
  if ('answer' in named) return named.answer;
  return cancelAnswer(await deps.runner.cancel(named.run.id, asked.actor));
}

export function cancelAnswer(result: CancelOutcome): Answer {
  switch (result.outcome) {
    case 'cancelled':
      return noteView(`Cancelled \`${result.run.job}\` ${result.run.id}.`);
    case 'already_final':
      return noteView(`\`${result.run.job}\` ${result.run.id} had already ended: ${result.run.state}.`);
    case 'not_found':
      return problemView('There is no such run any more.', '`/jobs list` shows the newest runs.');
  }
}
