import type { Command } from '../command.ts';
import type { Answer } from '../views/blocks.ts';
import { showView } from '../views/show.ts';
import { namedRun, type Asked, type CommandDeps } from './context.ts';

/** `/jobs show RUN`: the run and its deliveries, as two things. */
export async function show(deps: CommandDeps, asked: Asked, command: Command): Promise<Answer> {
  const named = await namedRun(deps, asked, command.words[0]);
  if ('answer' in named) return named.answer;
  return showView(named.run, await deps.reader.deliveries(named.run.id));
}
