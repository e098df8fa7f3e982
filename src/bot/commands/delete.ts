import type { Command } from '../command.ts';
import { noteView, problemView } from '../views/answers.ts';
import type { Answer } from '../views/blocks.ts';
import { confirmDeleteView, jobRunsView } from '../views/show.ts';
import { namedRun, SEEN_BEFORE, type Asked, type CommandDeps } from './context.ts';

/** `/jobs delete RUN`: asks first, showing job, time, state and what was delivered; a job's name is answered with its runs. */
export async function confirmDelete(deps: CommandDeps, asked: Asked, command: Command): Promise<Answer> {
  const [ref] = command.words;
  if (ref !== undefined && deps.runner.job(ref) !== undefined) {
    const runs = await deps.reader.list({ job: ref, limit: 10 });
    return jobRunsView(ref, runs.items);
  }
  const named = await namedRun(deps, asked, ref);
  if ('answer' in named) return named.answer;
  return confirmDeleteView(named.run, await deps.reader.deliveries(named.run.id));
}

/** The second half: the button was clicked. Asks again when the run changed its state since it was shown. */
export async function deleteShown(deps: CommandDeps, asked: Asked, value: string): Promise<Answer> {
  // Before the state is compared: the same click after a restart may find the state that was shown again.
  if (!(await deps.remember(asked.key))) return SEEN_BEFORE;
  const [runId = '', shownState] = value.split('|');
  const run = await deps.reader.get(runId);
  if (run !== undefined && run.state !== shownState) {
    return confirmDeleteView(run, await deps.reader.deliveries(run.id));
  }
  const result = await deps.runner.remove(runId, asked.actor);
  if (result.outcome === 'not_found')
    return problemView('That run was already deleted.', '`/jobs list` shows the rest.');
  return noteView(`Deleted \`${result.run.job}\` ${runId} with its report, for good.`);
}
