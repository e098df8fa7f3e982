import { BellhopError } from '../../errors.ts';
import { problemView } from '../views/answers.ts';
import type { Answer } from '../views/blocks.ts';

/** What a person is told when a verb threw. An error of ours comes before anything is stored; of any other, nobody can say. */
export function failedAnswer(error: unknown): Answer {
  if (error instanceof BellhopError) {
    return problemView(
      'Bellhop could not store that, so nothing was done.',
      'Try again; if it stays, an operator finds the reason in the log.',
    );
  }
  return problemView(
    'Bellhop failed at that; this is a bug.',
    'Whether it was done before, `/jobs list` shows; an operator finds the reason in the log.',
  );
}
