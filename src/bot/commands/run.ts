import type { Answer } from '../views/blocks.ts';
import { problemView } from '../views/answers.ts';
import { quoted } from '../views/blocks.ts';
import type { SubmitResult } from '../../runner/runner.ts';
import type { Command } from '../command.ts';
import { acceptedView, inputProblemView, unknownJobView } from '../views/run.ts';
import type { Asked, CommandDeps } from './context.ts';

/** `/jobs run JOB [key=value…]`: stores the run with its card, then answers with its id. */
export async function runJob(deps: CommandDeps, asked: Asked, command: Command): Promise<Answer> {
  const [job, extra] = command.words;
  if (job === undefined) {
    const names = deps.runner.jobs().map((known) => known.name);
    return unknownJobView(undefined, names.slice(0, 10));
  }
  if (extra !== undefined) {
    return problemView(
      `${quoted(extra)} is not an input.`,
      'Inputs are written key=value; `/jobs help JOB` lists them.',
    );
  }
  const result = await deps.runner.submit({
    job,
    input: command.pairs,
    as: 'words',
    actor: asked.actor,
    trigger: 'slack',
    card: true,
    idempotencyKey: asked.key,
    ...(asked.origin === undefined ? {} : { origin: asked.origin }),
  });
  return submitAnswer(result);
}

/** What became of a submit, in words. */
export function submitAnswer(result: SubmitResult): Answer {
  switch (result.outcome) {
    case 'accepted':
      return acceptedView(result.run, 'accepted');
    case 'deduplicated':
      return acceptedView(result.run, 'seen');
    case 'unknown_job':
      return result.broken === undefined
        ? unknownJobView(result.name, result.suggestions)
        : problemView(`There is no job ${quoted(result.name)}.`, result.broken);
    case 'invalid_input':
      return inputProblemView(result.job, result.issues);
    case 'refused':
      return problemView(result.reason, result.hint);
    case 'queue_full':
      return problemView(
        `Bellhop already holds ${result.limit} unfinished runs and takes no more.`,
        'Wait until some are done, or cancel some: `/jobs list state=queued`.',
      );
    case 'too_large':
      return problemView(`The input is ${result.bytes} bytes; at most ${result.limit} are taken.`, 'Shorten it.');
  }
}
