import type { Context } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { isContract } from './auth.ts';
import { answerProblem } from './problem.ts';

const MAX_BODY_BYTES = 1024 * 1024;

/** Lets a body through that has at most 1 MiB; it is counted as it comes, whatever its length is said to be. */
export const bodyWithin = bodyLimit({ maxSize: MAX_BODY_BYTES, onError: tooLarge });

function tooLarge(c: Context): Response {
  const detail = `A body may have ${MAX_BODY_BYTES} bytes.`;
  return isContract(c) ? c.json({ error: detail }, 413) : answerProblem(c, { status: 413, code: 'TOO_LARGE', detail });
}
