import type { RetryResult } from '../../runner/runner.ts';
import type { Command } from '../command.ts';
import { problemView } from '../views/answers.ts';
import type { Answer } from '../views/blocks.ts';
import { namedRun, type Asked, type CommandDeps } from './context.ts';
import { submitAnswer } from './run.ts';

/** `/jobs retry RUN`: a NEW run with the same job and input. */
export async function retryRun(deps: CommandDeps, asked: Asked, command: Command): Promise<Answer> {
  const named = await namedRun(deps, asked, command.words[0]);
  if ('answer' in named) return named.answer;
  return retryAnswer(await retry(deps, asked, named.run.id));
}

export function retry(deps: CommandDeps, asked: Asked, runId: string): Promise<RetryResult> {
  return deps.runner.retry(runId, asked.actor, {
    card: true,
    idempotencyKey: asked.key,
    ...(asked.origin === undefined ? {} : { origin: asked.origin }),
  });
}

export function retryAnswer(result: RetryResult): Answer {
  switch (result.outcome) {
    case 'not_found':
      return problemView('There is no such run any more.', '`/jobs list` shows the newest runs.');
    case 'unfinished':
      return problemView(`That run is still ${result.run.state}.`, 'Wait for it, or cancel it first.');
    case 'job_gone':
      return problemView('The job of that run does not exist any more.', 'Put its file back into the jobs folder.');
    default:
      return submitAnswer(result);
  }
}
