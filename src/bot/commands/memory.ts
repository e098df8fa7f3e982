import { isId } from '../../ids.ts';
import { ADVICE_ACTIONS } from '../../render/slack/advice.ts';
import { ANSWERS, type Answered } from '../../runner/memory.ts';
import { AdviceKey } from '../../store/memory-records.ts';
import { suggest } from '../../suggest.ts';
import type { Command } from '../command.ts';
import { problemView } from '../views/answers.ts';
import type { Answer } from '../views/blocks.ts';
import { advisedView, emptyMemoryView, FROM_LIST, memoryView } from '../views/memory.ts';
import { unknownJobView } from '../views/run.ts';
import { SEEN_BEFORE, type Asked, type CommandDeps } from './context.ts';

const ROWS = 200;

/** All that these need. */
type Desk = Pick<CommandDeps, 'memory' | 'remember' | 'runner'>;

/** `/jobs memory JOB`: what its reports recommended, and what became of it. */
export async function memory(deps: Desk, _asked: Asked, command: Command): Promise<Answer> {
  const [name] = command.words;
  const jobs = deps.runner.jobs();
  if (name === undefined) {
    const agents = jobs.filter(({ kind }) => kind === 'agent').map((job) => job.name);
    const names = agents.slice(0, 10).map((agent) => `\`/jobs memory ${agent}\``);
    return problemView('Whose memory?', names.length === 0 ? 'No job here is an agent.' : `Try ${names.join(', ')}.`);
  }
  const job = deps.runner.job(name);
  // What a job that is gone recommended is still there.
  const shown = await listAnswer(deps, name);
  if (shown !== undefined) return shown;
  if (job !== undefined) return emptyMemoryView(job.name, job.kind === 'agent');
  const known = jobs.map((one) => one.name);
  return unknownJobView(name, suggest(name, known));
}

async function listAnswer(deps: Desk, job: string, note?: Answer): Promise<Answer | undefined> {
  const rows = await deps.memory.list(job, { limit: ROWS + 1 });
  if (rows.length === 0) return undefined;
  return memoryView(job, { rows: rows.slice(0, ROWS), more: rows.length > ROWS, ...(note !== undefined && { note }) });
}

/** A click on an answer to advice, in a report or in the list; undefined when it is another button. */
export function clickAdvice(
  deps: Desk,
  asked: Asked,
  clicked: { actionId: string; value: string },
): Promise<Answer> | undefined {
  const as = ANSWERS.find((one) => ADVICE_ACTIONS[one] === clicked.actionId);
  return as === undefined ? undefined : answered(deps, asked, { as, value: clicked.value });
}

async function answered(deps: Desk, asked: Asked, click: { as: Answered; value: string }): Promise<Answer> {
  const [runId = '', key = '', from] = click.value.split('|');
  if (!isId(runId, 'run') || !AdviceKey.safeParse(key).success)
    return problemView('This button is from another time.', 'Try `/jobs memory` with the name of the job.');
  if (!(await deps.remember(asked.key))) return SEEN_BEFORE;
  const result = await deps.memory.advise({ runId, key, as: click.as, actor: asked.actor });
  const note = advisedView(result, click.as);
  if (from !== FROM_LIST || result.outcome === 'not_found') return note;
  return (await listAnswer(deps, result.job, note)) ?? note;
}
