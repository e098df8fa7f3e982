import type { Context } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { answerRefusal } from './problem.ts';

const MAX_BODY_BYTES = 1024 * 1024;

/** Lets a body through that has at most 1 MiB; it is counted as it comes, whatever its length is said to be. */
export const bodyWithin = bodyLimit({ maxSize: MAX_BODY_BYTES, onError: tooLarge });

function tooLarge(c: Context): Response {
  return answerRefusal(c, { status: 413, code: 'TOO_LARGE', detail: `A body may have ${MAX_BODY_BYTES} bytes.` });
}

/** The body as JSON; an empty object where there is none, undefined where it is something else or who sent it went away in the middle. */
export async function readJson(request: Request): Promise<unknown> {
  const text = await request.text().catch(() => undefined);
  if (text === undefined) return undefined;
  if (text.trim() === '') return {};
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
