import type { Context } from 'hono';
import type { z } from 'zod';
import { DependencyError, messageOf, UsageError, type ErrorCode } from '../errors.ts';
import type { Log } from '../log.ts';
import type { ApiEnv } from './runs.ts';

/** What went wrong, as RFC 9457 has it, with our code and the way out. */
export interface Problem {
  status: 400 | 401 | 403 | 404 | 409 | 413 | 415 | 422 | 429 | 500 | 503;
  code: ErrorCode;
  detail: string;
  hint?: string;
  issues?: unknown;
}

const TITLES: Record<Problem['status'], string> = {
  400: 'Bad request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not found',
  409: 'Conflict',
  413: 'Too large',
  415: 'Unsupported media type',
  422: 'Input invalid',
  429: 'Too many',
  500: 'Internal error',
  503: 'Unavailable',
};

/** Answers with `application/problem+json`. */
export function answerProblem(c: Context, problem: Problem): Response {
  const { status, ...rest } = problem;
  const body = JSON.stringify({ type: 'about:blank', title: TITLES[status], status, ...rest });
  return c.body(body, status, { 'content-type': 'application/problem+json' });
}

/** A body or a query that does not fit; `at` names what has no field of its own, like a header. */
export function misunderstood({ issues }: z.ZodError, at?: string): Problem {
  return {
    status: 400,
    code: 'USAGE',
    detail: 'The request was not understood.',
    issues: issues
      .slice(0, 20)
      .map(({ path, message }) => ({ path: at ?? path.join('.'), message: message.slice(0, 500) })),
  };
}

/** Whether the path is one of the older contract, or a trigger: there a refusal is `{"error": "words"}` and no problem. */
export function isContract(c: Pick<Context, 'req'>): boolean {
  return /^\/(?:run|jobs|trigger)(?:\/|$)/.test(c.req.path);
}

/** Answers a refusal in the form that is spoken at its path. */
export function answerRefusal(c: Context, problem: Problem): Response {
  if (!isContract(c)) return answerProblem(c, problem);
  const { status, detail, hint, issues } = problem;
  const error = hint === undefined ? detail : `${detail} ${hint}`;
  return c.json(issues === undefined ? { error } : { error, issues }, status);
}

/** Answers what was thrown: who is to blame decides the status; what only the log may say stays there, under the number of the request. */
export function answerError(c: Context<ApiEnv>, error: Error, log: Log): Response {
  if (error instanceof UsageError) {
    const { code, message, hint } = error;
    return answerRefusal(c, { status: 400, code, detail: message, ...(hint ? { hint } : {}) });
  }
  const requestId = c.get('requestId');
  log.error('api request failed', { path: c.req.path.slice(0, 200), error: messageOf(error), requestId });
  if (error instanceof DependencyError)
    return answerRefusal(c, { status: 503, code: error.code, ...wordsFor(c, error) });
  return answerRefusal(c, { status: 500, code: 'INTERNAL', detail: 'Bellhop failed; the log has the reason.' });
}

/**
 * What is said of a failure of what the server rests on. The message names folders of this machine: it is for whoever may open them, and
 * for the log.
 */
function wordsFor(c: Context<ApiEnv>, { message, hint }: DependencyError): Pick<Problem, 'detail' | 'hint'> {
  if (c.env?.operator === undefined) return { detail: 'Bellhop cannot do this now; the log has the reason.' };
  return { detail: message, ...(hint === undefined ? {} : { hint }) };
}
