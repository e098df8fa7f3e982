import type { Command } from '../command.ts';
import { VERBS } from '../command.ts';
import { helpView, jobHelpView, verbHelpView } from '../views/answers.ts';
import type { Answer } from '../views/blocks.ts';
import type { Asked, CommandDeps } from './context.ts';

/** `/jobs help [verb or job]`: short, with this workspace's own jobs as examples. */
export function help(deps: CommandDeps, _asked: Asked, command: Command): Promise<Answer> {
  const [topic] = command.words;
  const jobs = deps.runner.jobs();
  const verb = VERBS.find((known) => known === topic?.toLowerCase());
  if (verb !== undefined) return Promise.resolve(verbHelpView(verb, jobs[0]?.name ?? 'JOB'));
  const job = topic === undefined ? undefined : deps.runner.job(topic);
  return Promise.resolve(job === undefined ? helpView(jobs.map((known) => known.name)) : jobHelpView(job));
}
